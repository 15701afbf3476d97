from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmdet.structures import DetDataSample

from einet.hooks import PanopticVisualizationHook
from einet.visualization import PanopticLocalVisualizer


def _sample(root, name, **metainfo):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((6, 9, 3), 90, np.uint8))
    return DetDataSample(metainfo=dict(img_path=str(path), **metainfo))


@pytest.fixture
def draw(tmp_path, monkeypatch):
    """Draw two batches into a folder that is given relative to the run's."""
    drawn = []
    visualizer = PanopticLocalVisualizer.get_instance('drawings')
    monkeypatch.setattr(
        visualizer, 'add_datasample', lambda *_args, out_file, **_kwargs: drawn.append(out_file)
    )

    def call(samples, **options):
        hook = PanopticVisualizationHook(draw=True, test_out_dir='images', **options)
        hook._visualizer = visualizer
        runner = SimpleNamespace(work_dir=str(tmp_path / 'run'), timestamp='now')
        for sample in samples:
            hook.after_test_iter(runner, 0, {}, [sample])
        return drawn

    return call


def test_drawings_keep_the_folders_of_their_images(draw, tmp_path):
    samples = [
        _sample(tmp_path / 'data', f'seq{i}/000.png', file_name=f'seq{i}/000.png') for i in (0, 1)
    ]
    folder = tmp_path / 'run' / 'now' / 'images'
    assert draw(samples) == [str(folder / 'seq0/000.png'), str(folder / 'seq1/000.png')]


def test_without_a_name_of_the_data_set_it_is_the_files(draw, tmp_path):
    assert draw([_sample(tmp_path, 'a/b.png')]) == [str(tmp_path / 'run/now/images/b.png')]
