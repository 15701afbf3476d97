"""What an evaluation lacks is found before anything is loaded or predicted."""

from types import SimpleNamespace

import pytest
from mmengine.evaluator import Evaluator
from mmengine.runner import BaseLoop

from einet.evaluation import PanopticMetric
from einet.hooks import EvaluationCheckHook


class _Images:
    """Two images with the ground truth that was asked for."""

    def __init__(self, *paths):
        self.infos = [
            dict(img_id=i, img_path=f'{i}.jpg', seg_map_path=str(path) if path else None)
            for i, path in enumerate(paths)
        ]

    def __len__(self):
        return len(self.infos)

    def get_data_info(self, index):
        return self.infos[index]


class _Loop(BaseLoop):
    def __init__(self, dataset, **metric):
        self.dataloader = SimpleNamespace(dataset=dataset)
        self.evaluator = Evaluator([PanopticMetric(metric='PQ', **metric)])

    def run(self):
        raise AssertionError


def _check(val=None, test=None):
    EvaluationCheckHook().before_run(SimpleNamespace(_val_loop=val, _test_loop=test))


@pytest.fixture
def png(tmp_path):
    path = tmp_path / 'there.png'
    path.touch()
    return path


def test_all_that_is_needed_is_there(png, tmp_path):
    loop = _Loop(_Images(png, png), outfile_prefix=str(tmp_path / 'new' / 'results'))
    _check(val=loop, test=loop)
    assert (tmp_path / 'new').is_dir() and not list((tmp_path / 'new').iterdir())
    _check(val=dict(type='ValLoop'))  # not in use


@pytest.mark.parametrize('split', ['val', 'test'])
def test_images_without_annotation(split, png, tmp_path):
    with pytest.raises(
        ValueError,
        match=rf'{split} data: 1 of 2 images.*1\.jpg: the annotation file has no annotations.*'
        rf'{split}_evaluator\.format_only=True',
    ):
        _check(**{split: _Loop(_Images(png, None))})
    _check(**{split: _Loop(_Images(None), format_only=True, outfile_prefix=str(tmp_path / 'r'))})


def test_results_that_would_overwrite_each_other(png, tmp_path):
    images = _Images(png, png)
    images.infos[1] |= dict(img_path='elsewhere/0.jpg')
    _check(test=_Loop(images))
    with pytest.raises(ValueError, match=r'0\.jpg and elsewhere/0\.jpg would both be 0\.png'):
        _check(test=_Loop(images, outfile_prefix=str(tmp_path / 'r')))


def test_a_map_that_is_not_there(png, tmp_path):
    with pytest.raises(ValueError, match=r'0\.jpg: .*gone\.png does not exist\. Set data_root'):
        _check(test=_Loop(_Images(tmp_path / 'gone.png', png)))
    _check(test=_Loop(_Images('s3://bucket/gone.png', png)))


def test_results_that_cannot_be_written(png):
    with pytest.raises(OSError, match=r'test_evaluator\.outfile_prefix: cannot write to .*there'):
        _check(test=_Loop(_Images(png), outfile_prefix=str(png / 'results')))
