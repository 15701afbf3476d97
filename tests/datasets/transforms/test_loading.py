from pathlib import Path

import numpy as np
import pytest
from mmdet.registry import TRANSFORMS

from einet.datasets.transforms.loading import PADDING_INDEX, LoadPanopticSegments
from einet.structures.limits import MAX_SEGMENTS

from ..conftest import write_ids


def sample(path: Path, id_map: np.ndarray, segments: list[tuple]) -> dict:
    """A data info whose PNG is on disk; `segments` are (id, label, is_thing, iscrowd)."""
    write_ids(path, id_map)
    keys = ('id', 'category', 'is_thing', 'iscrowd')
    return dict(
        img_path='photo.jpg',
        seg_map_path=str(path),
        height=id_map.shape[0],
        width=id_map.shape[1],
        segments_info=[dict(zip(keys, s, strict=True)) for s in segments],
    )


@pytest.fixture
def hand_made(tmp_path):
    id_map = np.array([[66051, 66051, 0], [2, 66051, 9]])  # 66051 = 3 + 256 * 2 + 65536 * 1
    segments = [(9, 4, False, 0), (66051, 1, True, 0), (2, 0, False, 1)]
    return sample(tmp_path / 'map.png', id_map, segments)


def test_indices_are_rows_of_the_table(hand_made):
    results = LoadPanopticSegments()(hand_made)
    assert results['gt_seg_map'].dtype == np.uint16
    assert results['gt_seg_map'].tolist() == [[2, 2, 0], [3, 2, 1]]
    table = results['segments']
    assert table['category'].tolist() == [4, 1, 0]
    assert table['is_thing'].tolist() == [False, True, False]
    assert table['is_crowd'].tolist() == [False, False, True]
    assert results['seg_fields'] == ['gt_seg_map']


def test_is_registered():
    transform = TRANSFORMS.build(dict(type='LoadPanopticSegments'))
    assert repr(transform) == 'LoadPanopticSegments(backend_args=None)'


def test_segment_without_pixels_keeps_its_row(hand_made):
    hand_made['segments_info'].insert(0, dict(id=77, category=2, is_thing=True, iscrowd=0))
    results = LoadPanopticSegments()(hand_made)
    assert results['gt_seg_map'].tolist() == [[3, 3, 0], [4, 3, 2]]
    assert results['segments']['category'].tolist() == [2, 4, 1, 0]


def test_all_void(tmp_path):
    results = LoadPanopticSegments()(sample(tmp_path / 'void.png', np.zeros((3, 5), int), []))
    assert results['gt_seg_map'].tolist() == np.zeros((3, 5)).tolist()
    assert all(len(column) == 0 for column in results['segments'].values())


def test_no_segment_has_the_index_of_padding(tmp_path):
    ids = np.arange(1, 301).reshape(20, 15)
    segments = [(i, i % 7, True, 0) for i in range(1, 301)]
    results = LoadPanopticSegments()(sample(tmp_path / 'many.png', ids, segments))
    index = results['gt_seg_map']
    assert PADDING_INDEX not in index
    assert np.array_equal(results['segments']['category'][index.astype(int) - 1], ids % 7)
    assert results['segments']['is_crowd'].nonzero()[0].tolist() == [PADDING_INDEX - 1]


def test_without_ground_truth_nothing_is_loaded():
    results = dict(img_path='photo.jpg', seg_map_path=None)
    assert LoadPanopticSegments()(dict(results)) == results
    assert LoadPanopticSegments()(dict(img_path='photo.jpg')) == dict(img_path='photo.jpg')


def test_missing_png(hand_made):
    hand_made['seg_map_path'] += '.moved.png'
    with pytest.raises(FileNotFoundError, match=r'moved\.png'):
        LoadPanopticSegments()(hand_made)


def test_truncated_png(hand_made):
    path = Path(hand_made['seg_map_path'])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r'map\.png cannot be decoded'):
        LoadPanopticSegments()(hand_made)


def test_png_of_another_size(hand_made):
    hand_made['ori_shape'] = (2, 4)  # what the image on disk has; the JSON may be wrong, too
    with pytest.raises(
        ValueError, match=r'map\.png: it is 3 x 2 .*photo\.jpg 4 x 2 .*nearest neighbor'
    ):
        LoadPanopticSegments()(hand_made)


def test_ids_that_the_annotation_lacks(hand_made):
    del hand_made['segments_info'][1:]
    with pytest.raises(ValueError, match=r'map\.png, segment 2, 66051: 2 ids, 4 pixels.*void'):
        LoadPanopticSegments()(hand_made)


def test_only_the_first_unknown_ids_are_listed(tmp_path):
    results = sample(tmp_path / 'map.png', np.arange(1, 25).reshape(4, 6), [])
    with pytest.raises(ValueError, match=r'segment 1, 2, 3, 4, 5, \.\.\.: 24 ids, 24 pixels'):
        LoadPanopticSegments()(results)


def test_more_segments_than_indices(hand_made):
    segment = hand_made['segments_info'][0]
    hand_made['segments_info'] = [segment] * (MAX_SEGMENTS + 1)
    with pytest.raises(ValueError, match=r'map\.png: 65535 segments.*at most 65534'):
        LoadPanopticSegments()(hand_made)


def test_as_many_segments_as_indices(tmp_path):
    ids = np.zeros((256, 256), int)
    ids.flat[:MAX_SEGMENTS] = np.arange(1, MAX_SEGMENTS + 1)
    segments = [(i, 0, True, 0) for i in range(1, MAX_SEGMENTS + 1)]
    index = LoadPanopticSegments()(sample(tmp_path / 'full.png', ids, segments))['gt_seg_map']
    assert len(np.unique(index)) == MAX_SEGMENTS + 1
    assert index.max() == 65535
