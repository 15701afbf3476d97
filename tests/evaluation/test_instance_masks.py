import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as mask_api

from einet.evaluation.instance_masks import encode_segments, mask_areas


@given(
    hnp.arrays(
        np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 3)
    )
)
def test_the_bytes_of_pycocotools(id_map):
    ids = [2, 0, 3, 1, 77]
    masks = encode_segments(id_map, ids)
    expected = [mask_api.encode(np.asfortranarray(id_map == i, dtype=np.uint8)) for i in ids]
    assert masks == expected
    assert mask_areas(masks).tolist() == [(id_map == i).sum() for i in ids]


@pytest.mark.parametrize('dtype', [np.uint32, np.int64])
def test_large_ids(dtype):
    id_map = np.array([[1 << 23, 5], [5, 5]], dtype)
    (mask,) = encode_segments(id_map, [1 << 23])
    assert mask == mask_api.encode(np.asfortranarray([[1, 0], [0, 0]], dtype=np.uint8))


def test_nothing_asked_for():
    assert encode_segments(np.zeros((3, 4), int), []) == []
    assert mask_areas([]).tolist() == []


def test_more_masks_than_eight_bits_count():
    id_map = np.arange(600).reshape(20, 30)
    assert mask_areas(encode_segments(id_map, np.arange(600))).tolist() == [1] * 600


def test_memory_does_not_grow_with_the_instances():
    height, width = 256, 512
    blocks = np.arange(height)[:, None] // 8 * 64 + np.arange(width) // 8
    peaks = []
    for num in (2, 2048):
        tracemalloc.start()
        encode_segments(blocks % num, np.arange(num))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 2048 bitmaps would take 268 MB.
    assert max(peaks) < 16e6
