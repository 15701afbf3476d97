"""panopticapi as the reference, and real annotations with predictions made from them."""

import contextlib
import io
import itertools
import json
import uuid

import numpy as np
import pytest
import torch
from PIL import Image

from einet.evaluation import PanopticMetric, PanopticQualityMetric

THINGS, VOID = 80, 133


def to_rgb(id_map):
    return np.stack([id_map % 256, id_map // 256 % 256, id_map // 65536], axis=-1).astype(np.uint8)


@pytest.fixture
def write_png():
    """Write an id map as panopticapi reads it."""

    def write(path, id_map):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(to_rgb(np.asarray(id_map))).save(path)
        return path

    return write


@pytest.fixture(scope='session')
def panopticapi_statistics(tmp_path_factory):
    """panopticapi's own statistics of pairs of maps, read from files as it wants them.

    Called with (gt_map, segments, pred_map) triples, where a segment is a dict of the sample's
    ``segments_info`` and pred_map is encoded as label + 1000 * instance.
    """
    evaluation = pytest.importorskip('panopticapi.evaluation')
    folder = tmp_path_factory.mktemp('panopticapi')

    def compute(triples, num_classes):
        pairs = []
        for gt_map, segments, pred_map in triples:
            name = f'{uuid.uuid4().hex}.png'
            ids, pred_index = np.unique(pred_map, return_inverse=True)
            kept = ids % 1000 != num_classes
            disk_ids = np.where(kept, np.arange(len(ids)) + 1, 0)
            Image.fromarray(to_rgb(gt_map)).save(folder / f'gt{name}')
            Image.fromarray(to_rgb(disk_ids[pred_index].reshape(gt_map.shape))).save(folder / name)
            gt_info = [
                dict(
                    id=segment['id'],
                    category_id=segment['category'],
                    iscrowd=segment['iscrowd'],
                    area=int((gt_map == segment['id']).sum()),
                )
                for segment in segments
            ]
            pred_info = [
                dict(id=int(disk_id), category_id=int(pan_id % 1000))
                for disk_id, pan_id in zip(disk_ids[kept], ids[kept], strict=True)
            ]
            gt_annotation = dict(image_id=name, file_name=f'gt{name}', segments_info=gt_info)
            pairs.append((gt_annotation, dict(file_name=name, segments_info=pred_info)))
        categories = {label: dict(id=label, isthing=1) for label in range(num_classes)}
        with contextlib.redirect_stdout(io.StringIO()):
            return evaluation.pq_compute_single_core(0, pairs, str(folder), str(folder), categories)

    return compute


@pytest.fixture(scope='session')
def coco_meta(coco_sample_root):
    """Metainfo of the 133 COCO panoptic classes."""
    content = json.loads((coco_sample_root / 'annotations/panoptic_val2017.json').read_text())
    categories = content['categories']
    names = tuple(category['name'] for category in categories)
    assert [category['isthing'] for category in categories] == [1] * THINGS + [0] * 53
    return dict(
        classes=names,
        thing_classes=names[:THINGS],
        stuff_classes=names[THINGS:],
        category_ids=tuple(category['id'] for category in categories),
    )


@pytest.fixture(scope='session')
def coco_samples(coco_sample_root, coco_meta):
    """Per split: the samples as the dataset yields them, and the ids of their segments."""
    labels = {category_id: label for label, category_id in enumerate(coco_meta['category_ids'])}

    def load(split):
        folder = coco_sample_root / 'annotations' / f'panoptic_{split}'
        content = json.loads(folder.with_suffix('.json').read_text())
        entries = {image['id']: image for image in content['images']}
        samples = []
        for annotation in content['annotations']:
            path = folder / annotation['file_name']
            rgb = np.asarray(Image.open(path)).astype(np.int64)
            segments = [
                dict(
                    id=segment['id'],
                    category=labels[segment['category_id']],
                    is_thing=labels[segment['category_id']] < THINGS and not segment['iscrowd'],
                    iscrowd=segment['iscrowd'],
                )
                for segment in annotation['segments_info']
            ]
            entry = entries[annotation['image_id']]
            sample = dict(
                img_id=entry['id'],
                img_path=str(coco_sample_root / split / entry['file_name']),
                ori_shape=(entry['height'], entry['width']),
                seg_map_path=str(path),
                segments_info=segments,
            )
            samples.append((sample, rgb @ np.array([1, 256, 65536])))
        return samples

    cache = {split: load(split) for split in ('train2017', 'val2017')}
    return lambda split: cache[split]


@pytest.fixture(scope='session')
def with_prediction():
    """A copy of a sample with a prediction added, as the model hands it over."""

    def add(sample, pred_map):
        prediction = torch.as_tensor(np.asarray(pred_map), dtype=torch.int32)[None].clone()
        return dict(sample, pred_panoptic_seg=dict(sem_seg=prediction))

    return add


def merged(pred, **_):
    is_thing = pred >= 1000
    return np.where(is_thing, pred % 1000 + 1000 * (1 + pred // 3000), pred)


def split(pred, columns, **_):
    right = columns > 0.4 * pred.shape[1]
    return np.where((pred >= 1000) & right, pred + 1000 * 500, pred)


def replaced(pred, rng, new_id):
    for pan_id in np.unique(pred):
        if rng.random() < 0.3:
            pred = np.where(pred == pan_id, new_id(), pred)
    return pred


def dropped(pred, rng, **_):
    return replaced(pred, rng, lambda: VOID)


def relabeled(pred, rng, **_):
    def other_label():
        label = rng.integers(VOID)
        return label + (1000 * 700 if label < THINGS else 0)

    return replaced(pred, rng, other_label)


def shifted(pred, **_):
    return np.roll(pred, (5, -3), axis=(0, 1))


def void(pred, columns, **_):
    return np.where(columns % 3 == 0, VOID, pred)


def spilled(pred, columns, segments, gt_map, **_):
    """Segments reach into void and crowd, and some lie wholly inside."""
    for segment in segments:
        if segment['iscrowd']:
            inside = (gt_map == segment['id']) & (columns % 40 < 30)
            pred = np.where(inside, segment['category'] + 1000 * 800, pred)
    pred = np.where(pred == VOID, np.roll(pred, 20, axis=1), pred)
    right = columns > 0.45 * pred.shape[1]
    return np.where((pred >= 1000) & right, pred + 1000 * 900, pred)


SPOIL = dict(
    perfect=lambda pred, **_: pred,
    merged=merged,
    split=split,
    dropped=dropped,
    relabeled=relabeled,
    shifted=shifted,
    void=void,
    spilled=spilled,
)


@pytest.fixture(scope='session')
def perturb():
    """Make the perfect prediction of a sample, and spoil it in a named way."""

    def apply(sample, gt_map, how):
        pred = np.full(gt_map.shape, VOID)
        for instance, segment in enumerate(sample['segments_info'], 1):
            if not segment['iscrowd']:
                number = instance if segment['category'] < THINGS else 0
                pred[gt_map == segment['id']] = segment['category'] + 1000 * number
        return SPOIL[how](
            pred,
            columns=np.broadcast_to(np.arange(pred.shape[1]), pred.shape),
            rng=np.random.default_rng(sample['img_id']),
            segments=sample['segments_info'],
            gt_map=gt_map,
        )

    return apply


@pytest.fixture
def predict(coco_samples, with_prediction, perturb):
    """Samples of a split with predictions spoiled in one way, or each image in another."""

    def build(split, how=None):
        kinds = itertools.cycle(SPOIL if how is None else [how])
        return [
            with_prediction(sample, perturb(sample, gt_map, kind))
            for (sample, gt_map), kind in zip(coco_samples(split), kinds, strict=False)
        ]

    return build


@pytest.fixture(scope='session')
def evaluate():
    """Run the metric over samples."""

    def run(samples, meta, **kwargs):
        metric = PanopticQualityMetric(**kwargs)
        metric.dataset_meta = meta
        metric.process(None, samples)
        return metric.evaluate(len(samples))

    return run


@pytest.fixture(scope='session')
def complete():
    """Add to a sample with a panoptic prediction the semantic one and the instances.

    Scores are rounded to one digit, so that many are equal.
    """

    def add(sample, num_classes, seed=0):
        pred_map = sample['pred_panoptic_seg']['sem_seg']
        labels = pred_map % 1000
        ids = torch.unique(pred_map[pred_map >= 1000]).long()
        scores = torch.rand(len(ids), generator=torch.Generator().manual_seed(seed))
        return dict(
            sample,
            pred_sem_seg=dict(sem_seg=torch.where(labels == num_classes, 0, labels).byte()),
            pred_instances=dict(
                labels=ids % 1000, scores=(scores * 10).round() / 10, panoptic_ids=ids
            ),
        )

    return add


@pytest.fixture
def predict_all(predict, complete):
    """Samples of a split with everything EINet predicts."""

    def build(split, how=None):
        return [complete(sample, VOID, seed) for seed, sample in enumerate(predict(split, how))]

    return build


@pytest.fixture(scope='session')
def evaluate_all():
    """Run :class:`PanopticMetric` over samples."""

    def run(samples, meta, metric, **kwargs):
        panoptic_metric = PanopticMetric(metric, **kwargs)
        panoptic_metric.dataset_meta = meta
        panoptic_metric.process(None, samples)
        return panoptic_metric.evaluate(len(samples))

    return run
