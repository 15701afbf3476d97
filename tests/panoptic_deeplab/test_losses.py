import pytest
import torch
from mmdet.registry import MODELS

# Two pixels of which the first counts: |3 - 1| + |-1 - 0.5|.
OFFSETS = torch.tensor([[[[3.0, 9.0]], [[-1.0, 9.0]]]])
TARGET = torch.tensor([[[[1.0, 0.0]], [[0.5, 0.0]]]])
MASK = torch.tensor([[[[True, False]]]])


@pytest.mark.parametrize(('options', 'weight'), [({}, 0.01), (dict(loss_weight=7.0), 7.0)])
def test_the_weight_times_the_error(options, weight):
    loss = MODELS.build(dict(type='OffsetL1Loss', **options))
    assert loss(OFFSETS, TARGET, MASK).item() == pytest.approx(weight * 3.5)
