"""Every path of the detectors on a device of its own, and how often the host waits for it."""

from __future__ import annotations

import copy
from collections import Counter

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import METRICS, MODELS
from torch.nn import functional as F
from torch.utils._pytree import tree_map_only

from .models.samples import make_sample
from .models.tiny import tiny_model, tiny_panoptic_deeplab
from .pretend_device import DEVICE, PretendDevice

SIZE = (32, 48)
CLASSES = dict(
    classes=('cat', 'dog', 'road'), thing_classes=('cat', 'dog'), stuff_classes=('road',)
)
# Instances of 5 x 3 pixels; some lie on others.
BOXES = [(i % 2, 7 * i % 43, 5 * i % 29, 7 * i % 43 + 5, 5 * i % 29 + 3) for i in range(30)]


@pytest.fixture
def device():
    with PretendDevice() as context:
        yield context


def _build(config):
    """A detector whose random maps have segments of several classes."""
    torch.manual_seed(0)
    model = MODELS.build(config)
    for name, parameter in model.named_parameters():
        if name.endswith(('classifier.weight', 'predictor.weight')):
            torch.nn.init.normal_(parameter)
    return model


def _batch(counts):
    """Images with so many instances each, before the data preprocessor."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randint(0, 256, (len(counts), 3, 4, 6), generator=generator).float()
    images = F.interpolate(coarse, SIZE, mode='bilinear').to(torch.uint8)
    return dict(
        inputs=list(images), data_samples=[make_sample(SIZE, BOXES[:count]) for count in counts]
    )


def test_the_device_counts_what_the_host_waits_for(device):
    values = torch.tensor([[3, 0, 1], [0, 2, 2]]).to(DEVICE)
    assert device.waits == {'copy to the device': 1}
    device.waits.clear()
    values.to(DEVICE, torch.float32)
    torch.arange(3, device=DEVICE) + values.sum(0) * torch.tensor(2)
    assert not device.waits
    mask = values > 1
    values[mask] = 7
    assert not device.waits, 'one value at a mask is a fill'
    values[mask] = values[mask] + 1
    assert device.waits == {'boolean index': 2}
    device.waits.clear()
    assert values.tolist() == [[8, 0, 1], [0, 8, 8]]
    assert device.waits == {'copy to the host': 1}
    device.waits.clear()
    assert (values.max().item(), bool(mask.any()), int(values[0, 0])) == (8, True, 8)
    assert device.waits == {'item': 3}
    device.waits.clear()
    values.nonzero(), values.unique(), values[0].bincount(), values.masked_select(mask)
    assert device.waits == {'nonzero': 1, 'unique': 1, 'bincount': 1, 'boolean index': 1}
    device.waits.clear()
    values.to(DEVICE), values.cpu(), torch.ones(2).to(DEVICE), values.new_tensor([1, 2])
    torch.ones(2).to(DEVICE, non_blocking=True)
    assert device.waits == {'copy to the host': 1, 'copy to the device': 2}


def test_the_device_refuses_tensors_of_the_host(device):
    values = torch.ones(2, 3, device=DEVICE)
    for operation in (
        lambda: values + torch.ones(3),
        lambda: values[torch.tensor([1, 0])],
        lambda: values.index_add_(0, torch.tensor([0, 0]), values),
        lambda: torch.cat([values, torch.ones(1, 3)]),
    ):
        with pytest.raises(RuntimeError, match='tensors of two devices'):
            operation()


def test_the_device_computes_and_differentiates(device):
    weights = torch.tensor([[1.0, -2.0], [0.5, 3.0]]).to(DEVICE).requires_grad_()
    vector = torch.tensor([2.0, 1.0]).to(DEVICE)
    (vector @ weights).square().sum().backward()
    # (2.5, -1) of which the squares' slopes are (5, -2).
    assert weights.grad.device == DEVICE
    assert weights.grad.tolist() == [[10.0, -4.0], [5.0, -2.0]]


def _on_both(function):
    """A function's value on the CPU, and on the device with what the host waited for."""
    expected = function('cpu', Counter())
    with PretendDevice() as device:
        values = tree_map_only(torch.Tensor, torch.Tensor.cpu, function(DEVICE, device.waits))
    torch.testing.assert_close(values, expected, equal_nan=True)
    return expected


DETECTORS = dict(einet=tiny_model(), panoptic_deeplab=tiny_panoptic_deeplab())
# Whatever the number of images and instances.
STEP_WAITS = 4


@pytest.mark.parametrize('counts', [(3, 5), (30, 0, 2, 17)])
@pytest.mark.parametrize('name', DETECTORS)
def test_training_step(name, counts):
    def step(place, waits):
        model = _build(DETECTORS[name]).to(place).train()
        data = model.data_preprocessor(_batch(counts), True)
        waits.clear()
        losses = model.loss(data['inputs'], data['data_samples'])
        sum(losses.values()).backward()
        assert waits.total() <= STEP_WAITS
        return losses, {key: parameter.grad for key, parameter in model.named_parameters()}

    _on_both(step)


EVERYWHERE = dict(peak_threshold=0.0, kernel_size=9)
FUSIONS = dict(
    einet=tiny_model(fusion=dict(EVERYWHERE, kernel_size=5, min_peak_distance=0.1)),
    einet_class=tiny_model(fusion=dict(EVERYWHERE, grouping='class')),
    panoptic_deeplab=tiny_panoptic_deeplab(fusion=EVERYWHERE),
)
# Of an image, whatever the number of classes and instances.
PREDICTION_WAITS = dict(einet=5, einet_class=5, panoptic_deeplab=4)
METRIC_WAITS = 1


def _predictions(samples):
    fields = [sample.to_dict() for sample in samples]
    keys = ('pred_panoptic_seg', 'pred_sem_seg', 'pred_instances')
    return [[image[key] for key in keys] for image in fields]


@pytest.mark.parametrize('name', FUSIONS)
def test_prediction_and_metric(name, tmp_path):
    path = str(tmp_path / 'ids.png')
    assert cv2.imwrite(path, np.full((*SIZE, 3), (0, 0, 7), np.uint8))
    ground_truth = dict(
        seg_map_path=path, segments_info=[dict(id=7, category=0, is_thing=True, iscrowd=0)]
    )

    @torch.no_grad()
    def evaluate(place, waits):
        model = _build(FUSIONS[name]).to(place).eval()
        data = model.data_preprocessor(_batch((3, 0)))
        waits.clear()
        samples = model.predict(data['inputs'], data['data_samples'])
        assert waits.total() <= PREDICTION_WAITS[name] * len(samples)
        waits.clear()
        metric = METRICS.build(dict(type='PanopticMetric'))
        metric.dataset_meta = CLASSES
        for sample in samples:
            sample.set_metainfo(ground_truth)
        metric.process(None, [sample.to_dict() for sample in samples])
        assert waits.total() <= METRIC_WAITS * len(samples)
        return _predictions(samples), metric.evaluate(2)

    predictions, _ = _on_both(evaluate)
    assert all(len(instances['labels']) > 1 for *_, instances in predictions)


@pytest.mark.parametrize(
    ('images', 'num_things', 'fusion', 'expected'),
    [
        (1, 1, dict(peak_threshold=1.0), range(1)),
        (1, 2, dict(kernel_size=9), range(2, 20)),
        (3, 7, dict(kernel_size=1), range(20, 1000)),
    ],
    ids=['no instance', 'few', 'many of seven classes'],
)
@pytest.mark.parametrize('name', FUSIONS)
def test_waits_of_a_prediction_do_not_grow(name, images, num_things, fusion, expected):
    config = copy.deepcopy(FUSIONS[name])
    config.merge(dict(num_things_classes=num_things, fusion=fusion))
    with PretendDevice() as device, torch.no_grad():
        model = _build(config).to(DEVICE).eval()
        batch = _batch([0] * images)
        for sample in batch['data_samples']:
            sample.set_metainfo(dict(num_classes=model.num_classes))
        data = model.data_preprocessor(batch)
        device.waits.clear()
        samples = model.predict(data['inputs'], data['data_samples'])
        assert device.waits['copy to the host'] == device.waits.total()
        assert device.waits.total() <= PREDICTION_WAITS[name] * images
    for sample in samples:
        assert len(sample.pred_instances.labels) in expected


def test_test_time_augmentation():
    batch = _batch((0,))
    flipped = make_sample(SIZE, [])
    flipped.set_metainfo(dict(flip=True, flip_direction='horizontal'))
    views = dict(
        inputs=[batch['inputs'], [batch['inputs'][0].flip(-1)]],
        data_samples=[batch['data_samples'], [flipped]],
    )

    def predict(place, waits):
        model = _build(dict(type='EINetTTA', module=FUSIONS['einet'])).to(place).eval()
        waits.clear()
        samples = model.test_step(views)
        del waits['copy to the device']  # the preprocessor's
        # Each view is checked for values that are not finite, before they are merged.
        assert waits.total() <= PREDICTION_WAITS['einet'] + len(views['inputs'])
        return _predictions(samples)

    ((*_, instances),) = _on_both(predict)
    assert len(instances['labels']) > 1
