"""Group norms for ONNX Runtime against torch's, in float64."""

import numpy as np
import pytest
import torch
from torch import nn

from einet.deployment.group_norm import StepwiseGroupNorm, with_stepwise_group_norms


def _norm(affine=True):
    norm = nn.GroupNorm(2, 6, eps=0.1, affine=affine)
    if affine:
        nn.init.normal_(norm.weight, generator=torch.Generator().manual_seed(0))
        nn.init.normal_(norm.bias, generator=torch.Generator().manual_seed(1))
    return norm


@pytest.mark.parametrize('affine', [True, False])
def test_computes_what_torch_does(affine):
    norm = _norm(affine).double()
    features = torch.randn(3, 6, 5, 7, generator=torch.Generator().manual_seed(2)).double()
    torch.testing.assert_close(StepwiseGroupNorm(norm)(features), norm(features))


def test_all_norms_of_a_copy_are_replaced():
    model = nn.Sequential(_norm(), nn.Sequential(nn.ReLU(), nn.BatchNorm2d(6), _norm()))
    copied = with_stepwise_group_norms(model)
    assert [type(module) for module in (copied[0], copied[1][1], copied[1][2])] == [
        StepwiseGroupNorm,
        nn.BatchNorm2d,
        StepwiseGroupNorm,
    ]
    assert isinstance(model[0], nn.GroupNorm)
    torch.testing.assert_close(copied[1][2].weight, model[1][2].weight)


@pytest.mark.slow
def test_is_precise_in_onnx_runtime(tmp_path):
    pytest.importorskip('onnx')
    pytest.importorskip('onnxscript')
    runtime = pytest.importorskip('onnxruntime')
    norm = nn.GroupNorm(8, 32).eval()
    features = 100 + torch.randn(1, 32, 132, 160, generator=torch.Generator().manual_seed(0))
    expected = norm.double()(features.double()).detach().numpy()
    errors = []
    for layer in (norm.float(), StepwiseGroupNorm(norm)):
        file = tmp_path / 'norm.onnx'
        torch.onnx.export(layer, (features,), file, dynamo=True, input_names=['x'], verbose=False)
        session = runtime.InferenceSession(file, providers=['CPUExecutionProvider'])
        errors.append(np.abs(session.run(None, {'x': features.numpy()})[0] - expected).max())
    assert errors[1] < 2e-5 < errors[0]
