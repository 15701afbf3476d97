import hashlib
import os
import subprocess

import pytest
from mmengine.config import Config

from einet.utils.provenance import describe_run, git_state
from einet.version import __version__
from tests.paths import CONFIGS


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(tmp_path, monkeypatch):
    """Git as after its installation, in whatever repository or hook the tests run."""
    for name in os.environ:
        if name.startswith('GIT_'):
            monkeypatch.delenv(name)
    monkeypatch.setenv('GIT_CONFIG_GLOBAL', os.devnull)
    monkeypatch.setenv('GIT_CONFIG_NOSYSTEM', '1')
    monkeypatch.setenv('GIT_CEILING_DIRECTORIES', str(tmp_path.parent))


def _git(folder, *arguments):
    settings = ['-c', 'user.name=a', '-c', 'user.email=a@b.c']
    subprocess.run(['git', *settings, *arguments], cwd=folder, check=True, capture_output=True)


def test_git_state(tmp_path):
    assert git_state(tmp_path) == 'not in a git repository'
    _git(tmp_path, 'init')
    (tmp_path / 'code.py').write_text('1')
    _git(tmp_path, 'add', '.')
    _git(tmp_path, 'commit', '-m', 'first')
    (tmp_path / 'not_added.py').write_text('2')
    clean = git_state(tmp_path)
    assert clean.startswith('git ') and len(clean) == 4 + 40
    (tmp_path / 'code.py').write_text('3')
    assert git_state(tmp_path) == f'{clean} with changes in 1 files'


def test_a_run_says_what_it_was_made_with(tmp_path):
    content = b'{"images": []}'
    (tmp_path / 'annotations').mkdir()
    path = tmp_path / 'annotations' / 'panoptic_train.json'
    path.write_bytes(content)
    config = Config.fromfile(CONFIGS / 'einet_tiny_shapes.py')
    for split in ('train', 'val', 'test'):
        config[f'{split}_dataloader'].dataset.data_root = str(tmp_path)
    inner = config.train_dataloader.dataset
    config.train_dataloader.dataset = dict(type='RepeatDataset', times=2, dataset=inner)
    head, code, packages, train, val = describe_run(config, ['train', 'val']).splitlines()
    assert code == f'  code: {git_state(CONFIGS)}'
    assert f'einet {__version__}, torch 2' in packages and 'mmdet 3' in packages
    digest = hashlib.sha256(content).hexdigest()
    assert train == f'  train data: {path}, 14 bytes, sha256 {digest[:16]}'
    assert val == f'  val data: {tmp_path}/annotations/panoptic_val.json, not a local file'
    assert len(describe_run(config, ['train']).splitlines()) == 4
    path.write_bytes(content + b' ')
    assert digest[:16] not in describe_run(config, ['train'])
