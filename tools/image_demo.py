"""Draw the panoptic segmentation of a picture, or of every picture in a folder.

    python tools/image_demo.py street.jpg CONFIG CHECKPOINT --out-dir drawn

Writes <out dir>/<name of the picture>.png. A picture that cannot be read is named and skipped; the
exit status is then 1.
"""

import argparse
import importlib.util
import sys
from collections import Counter
from pathlib import Path

import mmcv
from mmdet.apis import DetInferencer
from mmdet.apis.det_inferencer import IMG_EXTENSIONS
from mmengine.config import Config, DictAction
from rich.progress import track

if importlib.util.find_spec('einet') is None:
    sys.exit('einet is not installed in this environment: run `pip install -e .` in the project.')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line, in the order of mmdet's demo/image_demo.py."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('inputs', type=Path, help='a picture or a folder of pictures')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out-dir', type=Path, default=Path('outputs'), help='folder for the drawings (outputs)'
    )
    parser.add_argument('--device', help='for example cpu or cuda:0; default: what is there')
    parser.add_argument('--palette', default='none', help="coco, citys, random, or the config's")
    parser.add_argument('--show', action='store_true', help='also show them in a window')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='as in test.py'
    )
    return parser.parse_args(argv)


def find_pictures(inputs: Path) -> list[Path]:
    """The picture itself, or those directly inside a folder, by name.

    Raises:
        FileNotFoundError: when there is no such file, or the folder holds no picture.
    """
    if inputs.is_file():
        return [inputs]
    if not inputs.is_dir():
        raise FileNotFoundError(f'there is no picture or folder {inputs}')
    found = sorted(p for p in inputs.iterdir() if p.suffix.lower() in IMG_EXTENSIONS)
    if not found:
        raise FileNotFoundError(f'{inputs} holds no picture ({", ".join(IMG_EXTENSIONS)})')
    return found


def output_paths(pictures: list[Path], out_dir: Path) -> list[Path]:
    """A PNG each; pictures that differ in their suffix only keep it in the name."""
    stems = Counter(picture.stem for picture in pictures)
    names = [p.stem if stems[p.stem] == 1 else p.name for p in pictures]
    return [out_dir / f'{name}.png' for name in names]


def draw_all(
    inferencer: DetInferencer, pictures: list[Path], outputs: list[Path], show: bool
) -> list[str]:
    """Draw each picture; returns what went wrong, a line for each that failed."""
    failures = []
    pairs = list(zip(pictures, outputs, strict=True))
    for picture, output in track(pairs, description='Drawing'):
        try:
            result = inferencer(str(picture), return_vis=True, return_datasamples=True, show=show)
        # One bad picture must not end a folder of thousands, whatever its decoder raises.
        except Exception as error:
            failures.append(f'{picture}: {type(error).__name__}: {error}')
            continue
        mmcv.imwrite(result['visualization'][0][..., ::-1], str(output))
    return failures


def main(argv: list[str] | None = None) -> None:
    """Draw."""
    args = parse_args(argv)
    try:
        pictures = find_pictures(args.inputs)
        config = Config.fromfile(args.config)
        if args.cfg_options is not None:
            config.merge_from_dict(args.cfg_options)
        inferencer = DetInferencer(
            config, args.checkpoint, args.device, palette=args.palette, show_progress=False
        )
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    failures = draw_all(inferencer, pictures, output_paths(pictures, args.out_dir), args.show)
    print(f'{len(pictures) - len(failures)} of {len(pictures)} pictures are in {args.out_dir}')
    if failures:
        sys.exit('These could not be drawn:\n' + '\n'.join(f'  {line}' for line in failures))


if __name__ == '__main__':
    main()
