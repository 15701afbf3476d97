"""The semantic embedding head: sizes, ranges, initialization."""

import pytest
import torch
from mmdet.registry import MODELS

from einet.models.heads.semantic_embedding import SemanticEmbeddingHead


def build(**options) -> SemanticEmbeddingHead:
    config = dict(type='SemanticEmbeddingHead', in_channels=6, embed_dims=10, num_classes=4)
    return MODELS.build({**config, **options})


@pytest.mark.parametrize('separable', [False, True])
def test_shapes_ranges_and_gradients(separable):
    head = build(separable=separable)
    out = head(torch.randn(2, 6, 7, 9))
    assert out.embedding.shape == (2, 10, 7, 9)
    assert out.attention.shape == (2, 1, 7, 9)
    assert 0 < out.attention.min() and out.attention.max() < 1
    logits = head.classify(out.embedding)
    assert logits.shape == (2, 4, 7, 9)
    (logits.square().sum() + out.attention.sum()).backward()
    assert all(p.grad is not None for p in head.parameters())


def test_attention_and_logits_by_hand():
    head = build(in_channels=2, embed_dims=2, num_classes=3)
    with torch.no_grad():
        head.attention.weight[0, :, 0, 0] = torch.tensor([1.0, -2.0])
        head.attention.bias.fill_(0.5)
        head.classifier.weight[:, :, 0, 0] = torch.tensor([[1.0, 0.0], [2.0, -3.0], [0.0, 4.0]])
        head.classifier.bias.copy_(torch.tensor([0.0, 1.0, -1.0]))
    x = torch.tensor([3.0, 1.0]).view(1, 2, 1, 1)
    # sigmoid(3 - 2 + 0.5)
    torch.testing.assert_close(head(x).attention.flatten(), torch.tensor([0.8175745]))
    torch.testing.assert_close(head.classify(x).flatten(), torch.tensor([3.0, 4.0, 3.0]))


def test_attention_reads_the_decoder_not_the_embedding():
    head = build()
    out = head(torch.randn(1, 6, 5, 5))
    out.attention.sum().backward()
    assert head.embedding.weight.grad is None


@pytest.mark.parametrize('embed_dims', [8, 64])
def test_starts_undecided_and_at_the_scale_of_its_input(embed_dims):
    torch.manual_seed(0)
    head = build(in_channels=32, embed_dims=embed_dims)
    head.init_weights()
    out = head(torch.randn(2, 32, 16, 16).relu())
    assert 0.7 < out.embedding.std() < 1.4
    assert (out.attention - 0.5).abs().max() < 0.1
    assert head.classify(out.embedding).softmax(1).sub(0.25).abs().max() < 0.1


def test_trains_on_a_single_pixel_batch_of_one_without_separable():
    assert build().train()(torch.randn(1, 6, 1, 1)).embedding.isfinite().all()


@pytest.mark.parametrize('separable', [False, True])
def test_a_hidden_layer_makes_the_logits_nonlinear(separable):
    linear = build(separable=False)
    hidden = build(separable=separable, hidden_channels=12)
    x = torch.randn(1, 6, 7, 9)
    for head, is_linear in ((linear.eval(), True), (hidden.eval(), False)):
        less, zero, more = (head.classify(head(n * x).embedding) for n in (-1, 0, 1))
        bend = (more - 2 * zero + less).norm() / (more - zero).norm()
        assert (bend < 1e-4) == is_linear
    assert hidden(x).embedding.shape == (1, 10, 7, 9)
    hidden(x).embedding.sum().backward()
    assert all(p.grad is not None for p in hidden.embedding.parameters())
