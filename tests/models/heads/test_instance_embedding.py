"""The instance embedding head: positions by hand, precision, errors."""

import pytest
import torch
from mmdet.registry import MODELS

from einet.models.heads.instance_embedding import InstanceEmbeddingHead, position_grid


def build(**options) -> InstanceEmbeddingHead:
    config = dict(type='InstanceEmbeddingHead', in_channels=6, embed_dims=5)
    return MODELS.build({**config, **options})


@pytest.mark.parametrize('separable', [False, True])
@pytest.mark.parametrize('position', [None, 'add'])
def test_shapes_ranges_and_gradients(position, separable):
    head = build(position=position, separable=separable)
    out = head(torch.randn(2, 6, 7, 9))
    assert out.raw.shape == out.embedding.shape == (2, 5, 7, 9)
    assert out.attention.shape == (2, 1, 7, 9)
    assert 0 < out.attention.min() and out.attention.max() < 1
    (out.embedding.square().sum() + out.attention.sum()).backward()
    assert all(p.grad is not None for p in head.parameters())


def test_without_position_there_is_one_embedding():
    out = build()(torch.randn(1, 6, 3, 4))
    assert out.embedding is out.raw


def test_position_grid_by_hand():
    grid = position_grid(2, 3, stride=4, like=torch.zeros(()))
    assert grid.tolist() == [[[2.0, 6.0, 10.0]] * 2, [[2.0] * 3, [6.0] * 3]]


def test_positions_by_hand():
    head = build(position='add', position_scale=8.0, stride=4)
    raw = torch.randn(2, 5, 2, 3)
    added = head.add_position(raw) - raw
    expected = torch.zeros(2, 5, 2, 3)
    expected[:, 0] = torch.tensor([0.25, 0.75, 1.25])  # x / 8, by column
    expected[:, 1] = torch.tensor([[0.25], [0.75]])  # y / 8, by row
    torch.testing.assert_close(added, expected)


def test_positions_are_in_input_pixels_at_any_stride():
    coarse = build(position='add', position_scale=2.0, stride=8)
    fine = build(position='add', position_scale=2.0, stride=4)
    on_coarse = coarse.add_position(torch.zeros(1, 2, 3, 5))
    on_fine = fine.add_position(torch.zeros(1, 2, 6, 10))
    pooled = torch.nn.functional.avg_pool2d(on_fine, 2)
    torch.testing.assert_close(on_coarse, pooled)


def test_positions_do_not_change_the_caller_s_tensor():
    raw = torch.randn(1, 3, 2, 2)
    before = raw.clone()
    build(position='add').add_position(raw)
    assert torch.equal(raw, before)


def test_neighbors_stay_apart_under_mixed_precision():
    head = build(position='add', position_scale=16.0, stride=4)
    with torch.autocast('cpu', torch.bfloat16):
        out = head(torch.zeros(1, 6, 1, 512))
    assert out.raw.dtype == torch.bfloat16
    assert out.embedding.dtype == torch.float32
    steps = out.embedding[0, 0, 0].diff()[4:-4]  # the borders see the convolution's padding
    torch.testing.assert_close(steps, torch.full_like(steps, 0.25))


def test_double_precision_stays_double():
    assert (
        build(position='add').add_position(torch.zeros(1, 2, 1, 1).double()).dtype is torch.double
    )


def test_starts_at_the_scale_of_its_input():
    torch.manual_seed(0)
    head = build(in_channels=32, embed_dims=8)
    head.init_weights()
    out = head(torch.randn(2, 32, 16, 16).relu())
    assert 0.7 < out.raw.std() < 1.4
    assert (out.attention - 0.5).abs().max() < 0.1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(position='concat'), "position must be one of .*'add'.*got 'concat'"),
        (dict(position='add', position_scale=0.0), 'position_scale .* positive, got 0.0'),
        (dict(position='add', embed_dims=1), 'embed_dims must be at least 2, got 1'),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        InstanceEmbeddingHead(**{'in_channels': 6, 'embed_dims': 5, **options})


def test_one_dimension_is_fine_without_positions():
    assert build(embed_dims=1)(torch.zeros(1, 6, 2, 2)).raw.shape == (1, 1, 2, 2)
