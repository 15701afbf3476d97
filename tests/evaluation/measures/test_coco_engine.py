"""hotcoco in place of pycocotools: the same values to the last bit."""

import math
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from einet.evaluation import PanopticMetric
from einet.evaluation.instance_masks import Masks, encode_segments
from einet.evaluation.measures.ap import ImageMasks, average_precision
from einet.evaluation.measures.coco_engine import PYCOCOTOOLS, coco_engine


def test_pycocotools_is_the_default():
    assert PanopticMetric('AP').measures[0].engine == PYCOCOTOOLS == (COCO, COCOeval)


def test_unknown():
    with pytest.raises(ValueError, match="ap_engine='fast': give 'pycocotools' or 'hotcoco'"):
        PanopticMetric('AP', ap_engine='fast')


def test_a_missing_package_is_found_before_the_first_image(monkeypatch):
    monkeypatch.setitem(sys.modules, 'hotcoco', None)
    with pytest.raises(ImportError, match="pip install hotcoco; 'pycocotools' gives the same"):
        PanopticMetric(['PQ', 'AP'], ap_engine='hotcoco')


def test_the_classes_of_the_package_are_used(monkeypatch, predict_all, coco_meta, evaluate_all):
    kinds = []

    class Evaluation(COCOeval):
        def __init__(self, *arguments):
            kinds.append([type(argument) for argument in arguments])
            super().__init__(*arguments)

    class Index(COCO):
        pass

    monkeypatch.setitem(sys.modules, 'hotcoco', SimpleNamespace(COCO=Index, COCOeval=Evaluation))
    samples = predict_all('val2017', 'split')[:2]
    ours = evaluate_all(samples, coco_meta, 'AP', ap_engine='hotcoco')
    assert kinds == [[Index, Index, str]]
    np.testing.assert_equal(ours, evaluate_all(samples, coco_meta, 'AP'))


def test_a_forked_process_fails_where_it_would_wait_for_ever(monkeypatch):
    monkeypatch.setitem(sys.modules, 'hotcoco', SimpleNamespace(COCO=COCO, COCOeval=COCOeval))
    engine = coco_engine('hotcoco')
    for _ in range(2):
        assert math.isnan(average_precision([], [0], 100, engine).ap)
    parent = os.getpid()
    monkeypatch.setattr(os, 'getpid', lambda: parent + 1)
    with pytest.raises(RuntimeError, match="do not survive a fork.*use 'pycocotools'"):
        average_precision([], [0], 100, engine)


@pytest.mark.parametrize('how', ['perfect', 'split', 'spilled', None])
def test_equal_on_real_annotations(how, predict_all, coco_meta, evaluate_all):
    pytest.importorskip('hotcoco')
    samples = predict_all('val2017', how)
    for options in (dict(), dict(max_dets=2)):
        ours, theirs = (
            evaluate_all(samples, coco_meta, 'AP', classwise=True, ap_engine=engine, **options)
            for engine in ('hotcoco', 'pycocotools')
        )
        np.testing.assert_equal(ours, theirs)


@st.composite
def images(draw):
    """Images of blocks, so that segments are small, medium and large, with crowd and ties."""
    found = []
    for image_id in range(draw(st.integers(0, 3))):
        size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
        scale = draw(st.sampled_from([1, 7, 40]))
        kinds = []
        for is_gt in (True, False):
            blocks = draw(hnp.arrays(np.int64, size, elements=st.integers(0, 5)))
            id_map = blocks.repeat(scale, axis=0).repeat(scale, axis=1)
            ids = [k for k in range(1, 6) if (blocks == k).any()]
            labels = draw(st.lists(st.integers(0, 1), min_size=len(ids), max_size=len(ids)))
            scores = draw(
                st.lists(st.sampled_from([0.0, 0.5, 0.7]), min_size=len(ids), max_size=len(ids))
            )
            crowd = draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
            masks = encode_segments(id_map, ids)
            is_crowd = np.array(crowd, bool) & is_gt
            kinds.append(Masks(np.array(labels, int), masks, np.array(scores, float), is_crowd))
        found.append(ImageMasks(image_id, id_map.shape, *kinds))
    return found


@given(images(), st.sampled_from([1, 3, 100]))
def test_equal_on_small_images(scene, max_dets):
    pytest.importorskip('hotcoco')
    ours, theirs = (
        average_precision(scene, [0, 1], max_dets, coco_engine(name))
        for name in ('hotcoco', 'pycocotools')
    )
    np.testing.assert_equal(tuple(ours), tuple(theirs))
