import pytest
import torch
import torch.nn.functional as F

from einet.functional.upsampled_cross_entropy import upsampled_cross_entropy

B, C = 2, 3
LABELS = torch.tensor([0, 2, 1, 255, 2, 0, 1]).repeat(100)[: B * 11 * 14].view(B, 11, 14)


def _logits(height, width):
    generator = torch.Generator().manual_seed(0)
    shape = (B, C, height, width)
    return torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_()


def _losses_and_gradient(logits, function):
    losses = function(logits)
    weights = torch.linspace(-1, 2, losses.numel(), dtype=torch.float64).view_as(losses)
    return losses.detach(), torch.autograd.grad((losses * weights).sum(), logits)[0]


@pytest.mark.parametrize('size', [(3, 4), (4, 14), (11, 14), (17, 5)])
@pytest.mark.parametrize('rows', [1, 4, 11])
def test_strips_are_the_whole(size, rows, monkeypatch):
    def whole(logits):
        upsampled = F.interpolate(logits, (11, 14), mode='bilinear', align_corners=False)
        return F.cross_entropy(upsampled, LABELS, reduction='none', ignore_index=255)

    expected = _losses_and_gradient(_logits(*size), whole)
    monkeypatch.setattr('einet.functional.upsampled_cross_entropy._CHUNK', rows * B * C * 14)
    ours = _losses_and_gradient(
        _logits(*size), lambda logits: upsampled_cross_entropy(logits, LABELS)
    )
    for values, others in zip(ours, expected, strict=True):
        torch.testing.assert_close(values, others)


def test_no_more_than_the_strips_are_kept(monkeypatch):
    kept = []
    monkeypatch.setattr('einet.functional.upsampled_cross_entropy._CHUNK', B * C * 14)
    logits = _logits(3, 4)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.shape) or t, lambda t: t):
        upsampled_cross_entropy(logits, LABELS)
    assert kept == [logits.shape, LABELS.shape]
