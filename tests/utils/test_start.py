import pytest
from mmengine.config import Config

from einet.utils import describe_start, resume_latest


def _config(work_dir, **settings) -> Config:
    return Config(dict(work_dir=str(work_dir), **settings))


def test_the_latest_checkpoint_comes_before_load_from(tmp_path):
    (tmp_path / 'iter_5.pth').touch()
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
    (tmp_path / 'iter_5.pth').touch()
    config = _config(tmp_path)
    resume_latest(config)
    assert config.load_from == str(tmp_path / 'iter_5.pth')
