import pytest
import torch
from mmengine.config import Config

from einet.utils import describe_start, resume_latest, start


def _config(work_dir, **settings) -> Config:
    return Config(dict(work_dir=str(work_dir), **settings))


def _save(path):
    torch.save(dict(weight=torch.arange(1000.0)), path)
    return path


def test_the_latest_checkpoint_comes_before_load_from(tmp_path):
    _save(tmp_path / 'iter_5.pth')
    (tmp_path / 'last_checkpoint').write_text(f'{tmp_path / "iter_5.pth"}\n')
    config = _config(tmp_path, load_from='vistas.pth', resume=False)
    resume_latest(config)
    assert config.resume is True and config.load_from == str(tmp_path / 'iter_5.pth')
    assert describe_start(config) == f'Resumes {tmp_path / "iter_5.pth"}'


def test_a_first_start_takes_load_from_as_the_config_says(tmp_path):
    weights = _config(tmp_path, load_from='vistas.pth', resume=False)
    resume_latest(weights)
    assert weights.resume is False and weights.load_from == 'vistas.pth'
    assert describe_start(weights) == 'Starts from the weights of vistas.pth (load_from)'
    whole_state = _config(tmp_path, load_from='iter_400000.pth', resume=True)
    resume_latest(whole_state)
    assert whole_state.resume is True and whole_state.load_from == 'iter_400000.pth'


def test_a_first_start_without_load_from_says_that_it_is_one(tmp_path):
    for load_from in (dict(), dict(load_from=None), dict(load_from='')):
        config = _config(tmp_path, resume=True, **load_from)
        resume_latest(config)
        assert config.resume is False and config.load_from is None
        assert describe_start(config).startswith(f'Starts anew: no checkpoint in {tmp_path}')


def test_a_work_dir_that_was_moved(tmp_path):
    (tmp_path / 'last_checkpoint').write_text('elsewhere/iter_5.pth')
    with pytest.raises(FileNotFoundError, match=r'last_checkpoint names elsewhere/iter_5\.pth'):
        resume_latest(_config(tmp_path))
    _save(tmp_path / 'iter_5.pth')
    config = _config(tmp_path)
    resume_latest(config)
    assert config.load_from == str(tmp_path / 'iter_5.pth')


def _cut_off(path):
    path.write_bytes(path.read_bytes()[:-300])


def _one_bit(path):
    content = bytearray(path.read_bytes())
    content[content.index(torch.tensor([500.0]).numpy().tobytes())] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize('damage', [_cut_off, _one_bit, lambda path: path.write_bytes(b'')])
def test_a_damaged_checkpoint_is_left_out_and_the_log_says_so(damage, tmp_path, monkeypatch):
    logged = []
    monkeypatch.setattr(start, 'print_log', lambda message, *args: logged.append(message))
    for name in ('iter_90.pth', 'iter_100.pth', 'iter_110.pth', 'best_PQ_iter_105.pth'):
        _save(tmp_path / name)
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_110.pth'))
    damage(tmp_path / 'iter_110.pth')
    config = _config(tmp_path)
    resume_latest(config)
    assert config.load_from == str(tmp_path / 'iter_100.pth')
    assert logged == [f'{tmp_path}/iter_110.pth is damaged; going on from {tmp_path}/iter_100.pth']
    damage(tmp_path / 'iter_100.pth')
    damage(tmp_path / 'iter_90.pth')
    with pytest.raises(FileNotFoundError, match=r'iter_100\.pth is damaged; .*iter_90\.pth is dam'):
        resume_latest(config)


def test_a_training_killed_while_it_wrote_last_checkpoint(tmp_path):
    (tmp_path / 'last_checkpoint').touch()
    with pytest.raises(FileNotFoundError, match='names nothing, .*: there is none'):
        resume_latest(_config(tmp_path))
    _save(tmp_path / 'iter_5.pth')
    config = _config(tmp_path)
    resume_latest(config)
    assert config.load_from == str(tmp_path / 'iter_5.pth')
