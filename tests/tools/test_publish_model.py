import hashlib

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config

from ..models.tiny import tiny_model
from .load import load_tool


@pytest.fixture(scope='module')
def tool():
    return load_tool('model_converters/publish_model.py')


def test_says_what_the_model_index_has_to_hold(tool, tmp_path, capsys):
    Config(dict(model=tiny_model())).dump(tmp_path / 'einet_tiny_cars.py')
    torch.save(MODELS.build(tiny_model()).state_dict(), tmp_path / 'iter_3.pth')
    paths = [str(tmp_path / name) for name in ('einet_tiny_cars.py', 'iter_3.pth', 'out')]
    tool.main([*paths[:2], '--out-dir', paths[2]])
    (written,) = (tmp_path / 'out').iterdir()
    digest = hashlib.sha256(written.read_bytes()).hexdigest()
    size = f'{written.stat().st_size / 1e6:.2f} MB'
    # The first line is mmengine's, which says what it loads.
    assert capsys.readouterr().out.splitlines()[-3:] == [
        f'{written}: {size}',
        f'Weights: out/{written.name}',
        f'Weights SHA-256: {digest}',
    ]
    assert written.name == f'einet_tiny_cars-{digest[:8]}.pth'


def test_a_missing_checkpoint_is_one_line(tool, tmp_path):
    Config(dict(model=tiny_model())).dump(tmp_path / 'einet_tiny_cars.py')
    argv = [str(tmp_path / 'einet_tiny_cars.py'), 'no.pth', '--out-dir', str(tmp_path / 'out')]
    with pytest.raises(SystemExit, match=r'FileNotFoundError: there is no checkpoint no\.pth'):
        tool.main(argv)
