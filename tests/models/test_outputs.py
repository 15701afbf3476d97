"""Outputs image by image, and predictions in mmdet's samples."""

import pytest
import torch
from mmdet.structures import DetDataSample

from einet.functional.merging import PanopticResult
from einet.models.outputs import EINetOutputs, split_outputs, write_prediction


def test_each_image_gets_its_own_maps():
    maps = [torch.randn(2, channels, 3, 4) for channels in range(1, 8)]
    first, second = split_outputs(EINetOutputs(*maps))
    assert isinstance(second, EINetOutputs)
    for own, other, batch in zip(first, second, maps, strict=True):
        assert own.equal(batch[0])
        assert other.equal(batch[1])


def test_maps_of_different_batches_are_an_error():
    maps = [torch.zeros(2, 1, 3, 4)] * 6 + [torch.zeros(1, 1, 3, 4)]
    with pytest.raises(ValueError, match='zip'):
        split_outputs(EINetOutputs(*maps))


def test_a_prediction_in_mmdets_form():
    result = PanopticResult(
        panoptic=torch.tensor([[1000, 2, 2001]], dtype=torch.int32),
        sem_seg=torch.tensor([[0, 2, 1]], dtype=torch.uint8),
        labels=torch.tensor([0, 1]),
        scores=torch.tensor([0.5, 0.25]),
        panoptic_ids=torch.tensor([1000, 2001]),
        centroids=torch.tensor([[0.0, 0.0], [2.0, 0.0]]),
        peaks=torch.tensor([0, 2]),
    )
    sample = DetDataSample()
    write_prediction(sample, result)
    assert 'embeddings' not in sample.pred_instances
    assert sample.pred_panoptic_seg.sem_seg.tolist() == [[[1000, 2, 2001]]]
    assert sample.pred_sem_seg.sem_seg.tolist() == [[[0, 2, 1]]]
    for key in ('labels', 'scores', 'panoptic_ids', 'centroids'):
        assert sample.pred_instances[key] is getattr(result, key)
    embeddings = torch.randn(2, 5)
    write_prediction(sample, result._replace(embeddings=embeddings))
    assert sample.pred_instances.embeddings is embeddings
