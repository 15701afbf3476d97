import math

import pytest
import torch

from einet.models import InteractionHead


def _head(**kwargs):
    centers = dict(type='SemanticCenters', momentum=0.8)
    return InteractionHead(
        num_things_classes=2, num_stuff_classes=1, embed_dims=2, centers=centers, **kwargs
    )


def _image():
    """Two instances of class 0, class 2 (stuff) present, class 1 absent."""
    means = torch.tensor([[[3.0, 0.0], [0.0, 2.0]]])
    labels = torch.tensor([[0, 0]])
    category_means = torch.tensor([[[4.0, 3.0], [9.0, 9.0], [0.0, -5.0]]])
    present = torch.tensor([[True, False, True]])
    return means, labels, labels >= 0, category_means, present


def test_centers_by_hand():
    head = _head()
    head.centers.seen[0] = True
    head.centers.centers[0] = torch.tensor([0.5, 0.5])
    # D_e between unit vectors of E and V: sqrt(2 - 2 cos).
    near = [math.sqrt(2 - 2 * 0.8), math.sqrt(2 - 2 * 0.6)]
    far = [math.sqrt(2), 2.0]
    weights = [math.exp(-n) / (math.exp(-n) + math.exp(-f)) for n, f in zip(near, far, strict=True)]
    mean = [weights[0] / sum(weights), weights[1] / sum(weights)]
    centers = head(*_image())
    expected = [[0.8 * 0.5 + 0.2 * mean[0], 0.8 * 0.5 + 0.2 * mean[1]], [0, 0], [0, -1]]
    torch.testing.assert_close(centers[0], torch.tensor(expected))


def test_without_sem_aug_every_center_follows_its_category():
    head = _head(sem_aug=False)
    assert head.calibration == 'none'
    centers = head(*_image())
    torch.testing.assert_close(centers[0], torch.tensor([[0.8, 0.6], [0, 0], [0, -1]]))


def test_literal_affinity_prefers_the_far_category():
    near, far = _head(), _head(literal_affinity=True)
    image = _image()
    near(*image), far(*image)
    assert near.centers.staged_denominator[0] > far.centers.staged_denominator[0]


def test_own_instances_make_the_center_of_a_thing():
    means, labels = torch.tensor([[[3.0, 0.0], [0.0, 2.0]]]), torch.tensor([[0, 1]])
    image = means, labels, labels >= 0, torch.ones(1, 3, 2), torch.ones(1, 3).bool()
    # With one instance a category, the weights drop out.
    centers = _head(instances='own')(*image)[0]
    torch.testing.assert_close(centers[:2], torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    mixed = _head(instances='all')(*image)[0]
    torch.testing.assert_close(mixed[:2], torch.full((2, 2), 0.5))


def test_temperature_sharpens_the_affinity():
    warm, cold = _head(), _head(temperature=0.1)
    warm(*_image()), cold(*_image())
    # Both instances are nearer to V of their own class 0 than to that of class 2.
    assert cold.centers.staged_denominator[0] > 1.99 > warm.centers.staged_denominator[0]


@pytest.mark.parametrize(
    ('option', 'match'),
    [
        (dict(instances='some'), 'instances'),
        (dict(temperature=0), 'temperature'),
        (dict(center_length=0), 'center_length'),
    ],
)
def test_options_out_of_range(option, match):
    with pytest.raises(ValueError, match=match):
        _head(**option)


def test_images_see_their_own_update_and_share_the_commit():
    # The other image has one instance, and a row that is empty.
    other = (
        torch.tensor([[[-1.0, -1.0], [0.0, 0.0]]]),
        torch.tensor([[1, 0]]),
        torch.tensor([[True, False]]),
        torch.tensor([[[0.0, 0.0], [-2.0, -1.0], [5.0, 0.0]]]),
        torch.tensor([[False, True, True]]),
    )
    both = _head()
    together = both(*map(torch.cat, zip(_image(), other, strict=True)))
    apart = _head()
    torch.testing.assert_close(together[0], apart(*_image())[0])
    apart.centers.keep_staged()
    alone = (*(values[:, :1] for values in other[:3]), *other[3:])
    torch.testing.assert_close(together[1], apart(*alone)[0])
    torch.testing.assert_close(both.centers.staged_numerator, apart.centers.staged_numerator)
    torch.testing.assert_close(both.centers.staged_denominator, apart.centers.staged_denominator)


def test_evaluation_stages_nothing():
    head = _head().eval()
    head(*_image()), head(*_image())
    assert head.centers.staged_denominator.abs().sum() == 0


def test_calibration_replaces_thing_pixels_only():
    embedding = torch.arange(12.0).reshape(1, 2, 2, 3)
    labels = torch.tensor([[[0, 2, -1], [1, 0, 2]]])
    centers = torch.tensor([[[0.0, 0.5], [0.6, -0.8], [0.5, 0.6]]])
    calibrated = _head().calibrated(embedding, labels, centers)
    expected = [[[[0, 1, 2], [0.6, 0, 5]], [[0.5, 7, 8], [-0.8, 0.5, 11]]]]
    assert torch.equal(calibrated, torch.tensor(expected))


def test_centers_of_things_are_shown_at_one_length():
    centers = torch.tensor([[[0.0, 0.5], [0.3, -0.4], [0.5, 0.6]], [[0, 0], [-0.8, 0.6], [1, 0]]])
    centers.requires_grad_()
    shown = _head(center_length=5.0).thing_centers(centers)
    expected = [[[0.0, 5.0], [3.0, -4.0]], [[0.0, 0.0], [-4.0, 3.0]]]
    torch.testing.assert_close(shown, torch.tensor(expected))
    shown.sum().backward()
    assert centers.grad.isfinite().all()


def test_gradient_reaches_both_embeddings():
    head = _head()
    means, labels, visible, category_means, present = _image()
    means.requires_grad_(True)
    category_means.requires_grad_(True)
    centers = head(means, labels, visible, category_means, present)[0]
    # Not of the lengths: those of unit vectors have no gradient.
    thing, stuff = centers[0] @ torch.tensor([1.0, 2.0]), centers[2] @ torch.tensor([3.0, 1.0])
    stuff.backward(retain_graph=True)
    # V / |V| with V = (0, -5).
    assert category_means.grad[0, 2].tolist() == pytest.approx([3 / 5, 0], abs=1e-6)
    assert not category_means.grad[0, :2].any()
    assert not means.grad.any()
    category_means.grad = None
    thing.backward()
    # Through phi(E), and through the affinities to both categories of the image.
    assert (means.grad.abs().sum(dim=2) > 0.01).all()
    assert (category_means.grad[0].abs().sum(dim=1) > 0.01).tolist() == [True, False, True]


def test_void_image():
    head = _head()
    labels = torch.zeros(1, 1, dtype=torch.long)
    empty = torch.zeros(1, 1, 2), labels, labels > 0
    centers = head(*empty, torch.zeros(1, 3, 2), torch.zeros(1, 3).bool())
    assert centers.abs().sum() == 0
    head.centers.commit()
    assert not head.centers.seen.any()


def test_unknown_calibration():
    with pytest.raises(ValueError, match='calibration'):
        _head(calibration='both')
