"""Draw the panoptic segmentation of an image, or of every image in a folder.

    python tools/image_demo.py street.jpg CONFIG CHECKPOINT --out-dir drawn
    python tools/image_demo.py demo/nuclei.png einet_r18_nuclei

Writes <out dir>/<name of the image>.png. An image that cannot be read is named and skipped; the
exit status is then 1.
"""

import argparse
import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec('einet') is None:
    sys.exit('einet is not installed in this environment: run `pip install -e .` in the project.')

from einet_tools.arguments import ConfigOptions, add_trust_argument


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line, in the order of mmdet's demo/image_demo.py."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('inputs', type=Path, help='an image or a folder of images')
    parser.add_argument('config', help='config file, or name of a model with published weights')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file; not needed with a name')
    parser.add_argument(
        '--out-dir', type=Path, default=Path('outputs'), help='folder for the drawings (outputs)'
    )
    parser.add_argument('--device', help='for example cpu or cuda:0; default: what is there')
    parser.add_argument('--palette', default='none', help="coco, citys, random, or the config's")
    parser.add_argument('--show', action='store_true', help='also show them in a window')
    parser.add_argument(
        '--cfg-options', nargs='+', action=ConfigOptions, metavar='KEY=VALUE', help='as in test.py'
    )
    add_trust_argument(parser)
    return parser.parse_args(argv)


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

import matplotlib

from einet.structures.files import check_folder, check_overwrite
from einet.structures.image_file import depth_note
from einet.utils import DetInferencer, build_inferencer, trust_checkpoints

# After einet, which keeps mmdet's notices off the screen.
# isort: split
import mmcv
from mmdet.apis.det_inferencer import IMG_EXTENSIONS
from rich.progress import track


def find_images(inputs: Path) -> list[Path]:
    """The image itself, or those directly inside a folder, by name.

    Raises:
        FileNotFoundError: There is no such file, or the folder holds no image.
    """
    if inputs.is_file():
        return [inputs]
    if not inputs.is_dir():
        raise FileNotFoundError(f'there is no image or folder {inputs}')
    found = sorted(p for p in inputs.iterdir() if p.suffix.lower() in IMG_EXTENSIONS)
    if not found:
        raise FileNotFoundError(f'{inputs} holds no image ({", ".join(IMG_EXTENSIONS)})')
    return found


def output_paths(images: list[Path], out_dir: Path) -> list[Path]:
    """A PNG each; all keep their suffix in the name when two would share one without."""
    is_clear = len({image.stem.casefold() for image in images}) == len(images)
    return [out_dir / f'{image.stem if is_clear else image.name}.png' for image in images]


def check_window() -> None:
    """Refuse --show without a display, where matplotlib would wait for a key forever."""
    if matplotlib.get_backend().lower() == 'agg':
        raise ValueError('--show: there is no display; the drawings go to --out-dir without it')


def draw_all(
    inferencer: DetInferencer, images: list[Path], outputs: list[Path], show: bool
) -> list[str]:
    """Draw each image; returns what went wrong, a line for each that failed."""
    failures = []
    pairs = list(zip(images, outputs, strict=True))
    for image, output in track(pairs, description='Drawing'):
        try:
            if note := depth_note(image):
                print(note)
            result = inferencer(str(image), return_vis=True, return_datasamples=True)
        # One bad image must not end a folder of thousands, whatever its decoder raises.
        except Exception as error:
            failures.append(f'{image}: {type(error).__name__}: {error}')
            continue
        drawn = result['visualization'][0]
        mmcv.imwrite(drawn[..., ::-1], str(output))
        if show:
            inferencer.visualizer.show(drawn, image.name)
    return failures


def main(argv: list[str] | None = None) -> None:
    """Draw."""
    args = parse_args(argv)
    try:
        images = find_images(args.inputs)
        outputs = output_paths(images, args.out_dir)
        check_overwrite(outputs, images, '--out-dir')
        check_folder(args.out_dir, '--out-dir')
        if args.show:
            check_window()
        trust_checkpoints(args.trust_checkpoint)
        inferencer = build_inferencer(
            args.config, args.checkpoint, args.device, args.palette, args.cfg_options
        )
    except (OSError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    failures = draw_all(inferencer, images, outputs, args.show)
    print(f'{len(images) - len(failures)} of {len(images)} images are in {args.out_dir}')
    if failures:
        sys.exit('These could not be drawn:\n' + '\n'.join(f'  {line}' for line in failures))


if __name__ == '__main__':
    main()
