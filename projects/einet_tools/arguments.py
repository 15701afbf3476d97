"""Options that several tools have."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .cores import allowed_cores

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')


class ConfigOptions(argparse.Action):
    """mmengine's ``DictAction``, imported when the option is given."""

    def __call__(self, *args: Any) -> None:
        """Read KEY=VALUE pairs, see :class:`mmengine.config.DictAction`."""
        from mmengine.config import DictAction

        DictAction(self.option_strings, self.dest, nargs=self.nargs)(*args)


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that all tools have: ``config``, ``--data-root`` and ``--cfg-options``.

    Args:
        parser: The tool's.
    """
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--data-root',
        metavar='FOLDER',
        help='where the data set lies; replaces data_root of the train, val and test data',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='override settings of the config, for instance train_dataloader.batch_size=2 '
        'model.backbone.depth=18. A list: key="[a,b]" or key=a,b; nested: key="[(a,b),(c,d)]", '
        'quoted and without blanks',
    )


def add_trust_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--trust-checkpoint`` to a tool that reads checkpoints.

    Args:
        parser: The tool's.
    """
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='also read checkpoints that carry code, which reading them runs',
    )


def add_conversion_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what all converters have: ``--workers`` and ``--overwrite``.

    Args:
        parser: The converter's.
    """
    parser.add_argument(
        '--workers', type=int, default=min(8, len(allowed_cores())), help='processes (%(default)s)'
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='convert all images anew and replace files of other content; without it, finished '
        'images are checked and kept',
    )


def parse_root_and_splits(
    argv: list[str] | None, description: str | None, root_help: str, splits: Iterable[str]
) -> argparse.Namespace:
    """Read the command line of a converter of a published data set.

    Args:
        argv: Arguments; those of the process when None.
        description: Text of ``--help``, as it is printed.
        root_help: What the folder holds.
        splits: Splits that can be converted.

    Returns:
        ``root``, ``splits``, ``workers`` and ``overwrite``.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('root', type=Path, help=root_help)
    parser.add_argument(
        '--splits', nargs='+', choices=splits, default=['train', 'val'], help='train and val'
    )
    add_conversion_arguments(parser)
    return parser.parse_args(argv)
