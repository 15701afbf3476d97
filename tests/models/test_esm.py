"""ESM over batches: every image by itself, whatever its number of segments."""

import pytest
import torch
from mmdet.registry import MODELS
from torch.autograd import gradcheck

from einet.functional.parts import split_rows
from einet.models import ESM


def make_batch(dtype=torch.float32, size=(3, 4)):
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(2, 3, *size, generator=generator, dtype=dtype)
    attention = torch.rand(2, 1, *size, generator=generator, dtype=dtype)
    ids = torch.randint(-1, 3, (2, *size), generator=generator)
    return embedding, attention, ids


def loop_mean(embedding, attention, mask):
    weighted = (embedding * attention)[:, mask].sum(1)
    return weighted / attention[0, mask].sum() if mask.any() else weighted


def test_means_of_every_image():
    embedding, attention, ids = make_batch()
    means = ESM()([embedding], attention, ids, 4)
    assert means.shape == (2, 4, 3)
    for b in range(2):
        for m in range(4):
            mask = ids[b] == m
            torch.testing.assert_close(means[b][m], loop_mean(embedding[b], attention[b], mask))


def test_an_image_without_instances_among_others():
    embedding, attention, ids = make_batch()
    embedding.requires_grad_()
    ids[0] = -1
    means = ESM()([embedding], attention, ids, 3)
    assert (means[0] == 0).all()
    means.sum().backward()
    assert (embedding.grad[0] == 0).all()
    assert (embedding.grad[1] != 0).any()


def test_sums():
    embedding, attention, ids = make_batch()
    sums = MODELS.build(dict(type='ESM', reduction='sum'))([embedding], attention, ids, 3)[0]
    means = ESM()([embedding], attention, ids, 3)[0]
    masses = torch.stack([attention[0, 0][ids[0] == m].sum() for m in range(3)])
    torch.testing.assert_close(sums, means * masses[:, None])


def test_gradcheck_through_recomputation():
    embedding, attention, ids = make_batch(torch.float64)
    assert gradcheck(
        lambda e, a: ESM()(split_rows(e, 24), a, ids, 4),
        (embedding.requires_grad_(), attention.requires_grad_()),
    )


def test_bands_give_the_same_gradients_as_the_batch():
    gradients = []
    for max_values in (24, 48, 1000):
        embedding, attention, ids = make_batch()
        embedding.requires_grad_()
        bands = split_rows(embedding, max_values)
        means = ESM()(bands, attention, ids, 3)
        (means.square().sum() + sum(band.sin().sum() for band in bands)).backward()
        gradients.append((len(bands), embedding.grad))
    assert [count for count, _ in gradients] == [3, 2, 1]
    for _, gradient in gradients[:2]:
        torch.testing.assert_close(gradient, gradients[2][1])


def test_centroids_are_sampled_image_by_image():
    embedding = torch.arange(2 * 2 * 2 * 3.0).view(2, 2, 2, 3)  # 12 b + 6 d + 3 y + x.
    points = torch.tensor([[[2, 1], [0, 0]], [[0, 1], [1, 0]]])
    first, second = ESM().centroids(embedding, points)
    assert first.tolist() == [[5.0, 11.0], [0.0, 6.0]]
    assert second.tolist() == [[15.0, 21.0], [13.0, 19.0]]


def test_bfloat16_is_summarized_in_float32_also_under_autocast():
    embedding, attention, ids = make_batch()
    embedding, attention = embedding.bfloat16().requires_grad_(), attention.bfloat16()
    expected = ESM()([embedding.detach().float()], attention.float(), ids, 3)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        means = ESM()([embedding], attention, ids, 3)
        centroids = ESM().centroids(embedding, torch.tensor([[[1, 2]]] * 2))
    assert means.dtype == centroids.dtype == torch.float32
    torch.testing.assert_close(means, expected)
    means.sum().backward()
    assert embedding.grad.dtype == torch.bfloat16


def test_no_parameters_and_no_state():
    assert not ESM().state_dict()


def test_an_unknown_reduction_is_an_error():
    with pytest.raises(ValueError, match="ESM: reduction must be 'mean' or 'sum', got 'max'"):
        ESM(reduction='max')
