"""Instance AP on real annotations: pycocotools, run on files, as the reference."""

import contextlib
import io
import json
import pickle

import numpy as np
import pytest
from pycocotools import mask as mask_api
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from einet.evaluation import PanopticMetric
from einet.structures.id_map import read_id_map

NAMES = ['AP', 'AP50', 'AP75', 'AP_s', 'AP_m', 'AP_l']


def write_instances(path, samples, meta):
    """The things of the panoptic PNGs in COCO's instance format, one bitmap at a time."""
    annotations = []
    for sample in samples:
        id_map = read_id_map(sample['seg_map_path'])
        for segment in sample['segments_info']:
            if segment['category'] < 80:
                bitmap = np.asfortranarray(id_map == segment['id'], dtype=np.uint8)
                mask = mask_api.encode(bitmap)
                annotations.append(
                    dict(
                        id=len(annotations) + 1,
                        image_id=sample['img_id'],
                        category_id=meta['category_ids'][segment['category']],
                        segmentation=dict(mask, counts=mask['counts'].decode()),
                        area=int(bitmap.sum()),
                        iscrowd=segment['iscrowd'],
                    )
                )
    images = [
        dict(id=sample['img_id'], height=sample['ori_shape'][0], width=sample['ori_shape'][1])
        for sample in samples
    ]
    categories = [dict(id=category_id) for category_id in meta['category_ids'][:80]]
    content = dict(images=images, annotations=annotations, categories=categories)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize('how', ['perfect', 'split', 'spilled', None])
def test_equal_to_pycocotools_on_files(how, tmp_path, predict_all, coco_meta, evaluate_all):
    samples = predict_all('val2017', how)
    prefix = str(tmp_path / 'run')
    ours = evaluate_all(samples, coco_meta, 'AP', classwise=True, outfile_prefix=prefix)
    write_instances(tmp_path / 'instances.json', samples, coco_meta)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(tmp_path / 'instances.json'))
        theirs = COCOeval(truth, truth.loadRes(f'{prefix}.segm.json'), 'segm')
        theirs.evaluate()
        theirs.accumulate()
        theirs.summarize()
    for name, value in zip(NAMES, theirs.stats, strict=False):
        assert ours[f'panoptic/{name}'] == pytest.approx(100 * value, abs=1e-9)
    precision = theirs.eval['precision'][:, :, :, 0, -1]
    for label, name in enumerate(coco_meta['classes'][:80]):
        value = ours[f'panoptic/AP/{name}']
        assert (precision[..., label] == -1).all() == np.isnan(value)
        if not np.isnan(value):
            assert value == pytest.approx(100 * precision[..., label].mean(), abs=1e-9)
    assert ours['panoptic/AP'] > 99 if how == 'perfect' else 1 < ours['panoptic/AP'] < 99


def test_results_hold_run_lengths_only(predict_all, coco_meta):
    metric = PanopticMetric(['PQ', 'AP', 'mIoU'])
    metric.dataset_meta = coco_meta
    samples = predict_all('val2017', 'split')
    metric.process(None, samples)
    pixels = sum(sample['pred_panoptic_seg']['sem_seg'].numel() for sample in samples)
    assert len(pickle.dumps(metric.results)) < pixels / 10


def test_instance_without_a_pixel_is_left_out(predict_all, coco_meta, evaluate_all):
    samples = predict_all('val2017', 'split')
    expected = evaluate_all(samples, coco_meta, 'AP')
    for sample in samples:
        instances = sample['pred_instances']
        for key, extra in (('labels', 0), ('scores', 1), ('panoptic_ids', 999000)):
            values = instances[key]
            instances[key] = values.new_tensor([extra, *values.tolist()])
    np.testing.assert_equal(evaluate_all(samples, coco_meta, 'AP'), expected)


def test_other_size(predict_all, coco_meta, evaluate_all):
    sample = predict_all('val2017')[0]
    sample['pred_panoptic_seg'] = dict(sem_seg=sample['pred_panoptic_seg']['sem_seg'][:, 1:])
    with pytest.raises(ValueError, match=r'image \d+, .*png: the prediction is'):
        evaluate_all([sample], coco_meta, 'AP')
