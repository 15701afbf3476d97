"""Write a trained model as an ONNX file: network, grouping of instances, and class names in one.

    python tools/deployment/export_onnx.py CONFIG CHECKPOINT --out model.onnx

The file runs without torch and OpenMMLab: einet_onnx.py, beside this one, is all that it needs.
docs/deployment.md says what the graph takes and gives; of Panoptic-DeepLab it is the network alone.
"""

import argparse
import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec('einet') is None:
    sys.exit('einet is not installed in this environment: run `pip install -e .` in the project.')

from einet_tools.arguments import add_common_arguments, add_trust_argument


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_arguments(parser)
    add_trust_argument(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out', type=Path, default=Path('model.onnx'), help='file to write (%(default)s)'
    )
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        metavar=('HEIGHT', 'WIDTH'),
        help="fixed size of the network's input; without it, any size and number of images",
    )
    parser.add_argument(
        '--max-peaks',
        type=int,
        default=300,
        help='peaks of an image at most, the strongest (%(default)s)',
    )
    args = parser.parse_args(argv)
    if args.max_peaks < 1:
        parser.error(f'--max-peaks {args.max_peaks}: give at least 1')
    if args.out.suffix != '.onnx':
        parser.error(f'--out {args.out}: the file must end in .onnx')
    if '://' not in args.checkpoint and not Path(args.checkpoint).is_file():
        parser.error(f'there is no checkpoint {args.checkpoint}')
    return args


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

from einet.deployment import export_onnx, load_trained
from einet.structures.files import check_folder
from einet.utils import load_config


def main(argv: list[str] | None = None) -> None:
    """Export."""
    args = parse_args(argv)
    try:
        config = load_config(args)
        check_folder(args.out.parent, '--out')
        model = load_trained(config, args.checkpoint)
        size = None if args.size is None else tuple(args.size)
        print('Recording the graph; this takes a minute or two', flush=True)
        description = export_onnx(model, config, args.out, size, args.max_peaks)
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    what = 'network and grouping' if description['grouping'] else 'network alone, no grouping'
    megabytes = args.out.stat().st_size / 1e6
    print(f'{args.out}: {what}, {len(description["categories"])} classes, {megabytes:.1f} MB')


if __name__ == '__main__':
    main()
