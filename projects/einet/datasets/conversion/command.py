"""What the converters share as commands: errors and exit status."""

import sys
from collections.abc import Callable, Iterable

_MAX_ERRORS_SHOWN = 20


def run_splits(names: Iterable[str], convert: Callable[[str], bool]) -> None:
    """Convert several splits; end the program with status 1 when something was wrong.

    Args:
        names: Splits.
        convert: Converts the split of a name; says whether all went well, or raises OSError,
            RuntimeError or ValueError.
    """
    try:
        done = [convert(name) for name in names]
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit('\nInterrupted. The same command goes on from here.')
    if not all(done):
        sys.exit(1)


def report_errors(errors: list[str], total: int) -> None:
    """Print what is wrong, the first lines of it.

    Args:
        errors: One per image that failed.
        total: Number of images.
    """
    print(f'{len(errors)} of {total} images failed:')
    for error in errors[:_MAX_ERRORS_SHOWN]:
        print(f'  {error}')
    if len(errors) > _MAX_ERRORS_SHOWN:
        print(f'  and {len(errors) - _MAX_ERRORS_SHOWN} more')
    print('Put these right and call the same command again: the others are kept.', flush=True)
