import numpy as np
import pytest
import torch
from mmengine.dataset import Compose

from einet.datasets.validation.maps import compare_map, ids_at_stride
from einet.models.coarse_maps import nearest
from einet.structures.segment_pixels import measure_segments


def test_a_map_of_void():
    assert compare_map([], set(), measure_segments(np.zeros((3, 4), np.uint32))) == []


@pytest.mark.parametrize('shape', [(3, 2), (4, 4), (10, 23), (32, 64)])
def test_cells_are_those_of_the_targets(shape):
    id_map = np.arange(1, np.prod(shape) + 1, dtype=np.uint32).reshape(shape)
    padded = torch.zeros(32, 64, dtype=torch.long)
    padded[: shape[0], : shape[1]] = torch.from_numpy(id_map.astype(np.int64))
    seen = set(nearest(padded, (8, 16)).flatten().tolist()) - {0}
    assert ids_at_stride(id_map, None) == seen


def test_the_map_is_resized_first():
    id_map = np.zeros((8, 8), np.uint32)
    id_map[1, 1] = 256**3 - 1
    assert ids_at_stride(id_map, None) == set()
    larger = Compose([dict(type='Resize', scale=(32, 32), keep_ratio=True)])
    assert ids_at_stride(id_map, larger) == {256**3 - 1}
    assert id_map.sum() == 256**3 - 1


def test_compare_map():
    pixels = measure_segments(np.array([[8, 8, 5], [0, 8, 6]], np.uint32))
    segments = [dict(id=8, area=3, bbox=[0, 0, 2, 2]), dict(id=9, area=1)]
    found = compare_map(segments, {8, 9, 5}, pixels)
    assert [(f.kind, f.segment_ids) for f in found] == [
        ('png-ids-unknown', (6,)),
        ('segment-without-pixels', (9,)),
    ]
    assert found[0].message == '1 ids, 1 pixels'


@pytest.mark.parametrize('area', [2, 3.5, None, 'three', float('nan')])
def test_wrong_areas(area):
    pixels = measure_segments(np.array([[8, 8], [0, 8]], np.uint32))
    (finding,) = compare_map([dict(id=8, area=area)], {8}, pixels)
    assert finding.kind == 'area-differs'
    assert finding.message == f'1 of 1 segments; the first: JSON {area}, PNG 3'


@pytest.mark.parametrize(
    ('box', 'wrong'),
    [
        ([1, 0, 2, 3], False),
        ([1.4, 0.2, 1.9, 2.5], False),
        ([1, 0, 3, 3], True),
        ([0, 1, 3, 2], True),
        ([1, 0, 2], True),
        ('box', True),
        ([1, 0, 2, 'x'], True),
    ],
)
def test_boxes(box, wrong):
    id_map = np.zeros((4, 5), np.uint32)
    id_map[:3, 1:3] = 8
    found = compare_map([dict(id=8, area=6, bbox=box)], {8}, measure_segments(id_map))
    assert [f.kind for f in found] == ['box-differs'] * wrong


def test_areas_that_sum_to_too_much_are_said_once():
    pixels = measure_segments(np.array([[8, 9]], np.uint32))
    found = compare_map([dict(id=8, area=2), dict(id=9, area=1)], {8, 9}, pixels)
    assert [f.kind for f in found] == ['area-sum']
