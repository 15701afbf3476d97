"""Where a training starts: from a checkpoint of its own, from other weights, or anew."""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import find_latest_checkpoint


def resume_latest(config: Config) -> None:
    """Go on from the latest checkpoint of the work dir; without one start as the config says.

    mmengine would start from random weights then, even if the config names a checkpoint to start
    from. A checkpoint that is damaged is left out, which is logged.

    Args:
        config: ``resume`` and ``load_from`` are changed in place.

    Raises:
        FileNotFoundError: The work dir had checkpoints, and none of them can be read.
    """
    latest = find_latest_checkpoint(config.work_dir)
    if latest is not None:
        config.resume = True
        config.load_from = _first_whole(latest, Path(config.work_dir))
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


def _first_whole(latest: str, work_dir: Path) -> str:
    """The checkpoint that ``last_checkpoint`` names or, when it is damaged, the next older one."""
    if '://' in latest:
        return latest
    left_out = []
    for path in _candidates(latest, work_dir):
        if path.is_file() and _is_whole(path):
            for problem in left_out:
                print_log(f'{problem}; going on from {path}', 'current', logging.WARNING)
            return str(path)
        left_out.append(f'{path} {"is damaged" if path.is_file() else "does not exist"}')
    raise FileNotFoundError(
        f'{work_dir / "last_checkpoint"} names {latest or "nothing"}, and no checkpoint can be '
        f'read: {"; ".join(left_out) or "there is none"}. Name a checkpoint with --resume '
        f'CHECKPOINT, or remove that file to start from the beginning'
    )


def _candidates(latest: str, work_dir: Path) -> Iterator[Path]:
    """What ``last_checkpoint`` names, also in a work dir that was moved; then the newest first.

    The file is empty when the training was killed while it wrote it.
    """
    named = Path(latest)
    if latest:
        yield named if named.is_file() else work_dir / named.name
    folder = named.parent if named.is_file() else work_dir
    numbered = {
        path: int(match[1])
        for path in folder.iterdir()
        if (match := re.fullmatch(r'(?:iter|epoch)_(\d+)\.pth', path.name))
    }
    for path in sorted(numbered, key=lambda path: -numbered[path]):
        if path.name != named.name:
            yield path


def _is_whole(path: Path) -> bool:
    """Whether a file that :func:`torch.save` wrote has its end, and the content that it had."""
    try:
        with zipfile.ZipFile(path) as content:
            return content.testzip() is None
    except (zipfile.BadZipFile, OSError):
        return False
