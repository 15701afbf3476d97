"""Where a training starts: from a checkpoint of its own, from other weights, or anew."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint


def resume_latest(config: Config) -> None:
    """Go on from the latest checkpoint of the work dir; without one start as the config says.

    mmengine would start from random weights then, even if the config names a checkpoint to start
    from.

    Args:
        config: ``resume`` and ``load_from`` are changed in place.

    Raises:
        FileNotFoundError: The work dir names a latest checkpoint that is not there.
    """
    latest = find_latest_checkpoint(config.work_dir)
    if latest is not None:
        config.resume = True
        config.load_from = _locate(latest, Path(config.work_dir))
    elif not config.get('load_from'):
        config.resume = False
        config.load_from = None


def describe_start(config: Config) -> str:
    """One line that says what the training starts from."""
    checkpoint = config.get('load_from')
    if checkpoint is None:
        return f'Starts anew: no checkpoint in {config.work_dir}, and load_from is not set'
    if config.get('resume'):
        return f'Resumes {checkpoint}'
    return f'Starts from the weights of {checkpoint} (load_from)'


def _locate(latest: str, work_dir: Path) -> str:
    """The checkpoint, also in a work dir that was moved since it was written."""
    moved = work_dir / Path(latest).name
    if '://' in latest or Path(latest).is_file():
        return latest
    if moved.is_file():
        return str(moved)
    raise FileNotFoundError(
        f'{work_dir / "last_checkpoint"} names {latest}, which does not exist; name a checkpoint '
        f'with --resume CHECKPOINT, or remove that file to start from the beginning'
    )
