import torch
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn

import einet  # noqa: F401


def test_forward_in_bfloat16_and_weights_in_float32():
    model = nn.Linear(3, 2)
    settings = dict(type='BFloat16OptimWrapper', optimizer=torch.optim.SGD(model.parameters(), 0.5))
    wrapper = OPTIM_WRAPPERS.build(dict(settings, accumulative_counts=2))
    before = model.weight.detach().clone()
    for batch in (1.0, 3.0):
        with wrapper.optim_context(model):
            output = model(torch.full((1, 3), batch))
        assert output.dtype == torch.bfloat16
        assert not torch.is_autocast_enabled('cpu')
        wrapper.update_params(output.float().sum())
    # The mean gradient of two batches, unscaled: (1 + 3) / 2, times the learning rate.
    torch.testing.assert_close(model.weight.detach(), before - 1.0)
    assert model.weight.dtype == torch.float32
