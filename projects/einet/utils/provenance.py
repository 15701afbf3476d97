"""What a run was made with: versions, the state of the code, and the data."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from mmengine.config import Config
from mmengine.fileio import join_path

from ..datasets.validation.sources import plain_datasets

_PACKAGES = ('einet', 'torch', 'mmengine', 'mmcv', 'mmdet', 'mmseg', 'numpy', 'cv2')
_CODE = Path(__file__).resolve().parent


def describe_run(config: Config, splits: Sequence[str]) -> str:
    """What a run was made with, for its log, which has the config already.

    Args:
        config: As :func:`load_config` gives it.
        splits: Data that the run uses, of ``train``, ``val`` and ``test``.

    Returns:
        Lines of text.
    """
    versions = [f'{name} {import_module(name).__version__}' for name in _PACKAGES]
    return '\n'.join(
        [
            'Made with',
            f'  code: {git_state(_CODE)}',
            f'  packages: {", ".join(versions)}',
            *_annotation_lines(config, splits),
        ]
    )


def git_state(folder: Path) -> str:
    """Commit of the repository that a folder is in, and whether files differ from it."""
    try:
        commit = _git(folder, 'rev-parse', 'HEAD')
        changed = _git(folder, 'status', '--porcelain', '--untracked-files=no').splitlines()
    except (OSError, subprocess.CalledProcessError):
        return 'not in a git repository'
    return f'git {commit}' + (f' with changes in {len(changed)} files' if changed else '')


def fingerprint(path: Path) -> str:
    """SHA-256 of a file's content, the first 16 digits."""
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()[:16]


def _git(folder: Path, *arguments: str) -> str:
    command = ['git', '-C', str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _annotation_lines(config: Config, splits: Sequence[str]) -> Iterator[str]:
    """Name, size and fingerprint of every annotation file."""
    for split in splits:
        loader = config.get(f'{split}_dataloader') or {}
        for dataset in plain_datasets(loader.get('dataset')) if loader.get('dataset') else ():
            name = join_path(dataset.get('data_root') or '', dataset.get('ann_file') or '')
            path = Path(name)
            state = 'not a local file'
            if path.is_file():
                state = f'{path.stat().st_size} bytes, sha256 {fingerprint(path)}'
            yield f'  {split} data: {name}, {state}'
