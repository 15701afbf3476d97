"""Write the weights of a trained model as a small file to hand on.

    python tools/model_converters/publish_model.py CONFIG CHECKPOINT --out-dir weights

Writes <out dir>/<config>-<8 digits>.pth: parameters and buffers in float16, class names and colors,
and nothing of the training. The digits are the first of its SHA-256, which configs/metafile.yml
holds in full. A model that loads it computes in float32.
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
    parser.add_argument('checkpoint', help='checkpoint file of a training')
    parser.add_argument(
        '--out-dir', type=Path, default=Path('weights'), help='folder of the file (%(default)s)'
    )
    add_trust_argument(parser)
    return parser.parse_args(argv)


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

from einet.deployment import publish_weights
from einet.structures.files import check_folder
from einet.utils import load_config


def main(argv: list[str] | None = None) -> None:
    """Write the file; say what configs/metafile.yml has to hold of it."""
    args = parse_args(argv)
    try:
        config = load_config(args)
        check_folder(args.out_dir, '--out-dir')
        path, digest = publish_weights(config, args.checkpoint, args.out_dir)
    except (OSError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    print(f'{path}: {path.stat().st_size / 1e6:.2f} MB')
    print(f'Weights: {args.out_dir.name}/{path.name}\nWeights SHA-256: {digest}')


if __name__ == '__main__':
    main()
