import numpy as np
import pytest

from einet.video import InstanceTracker


def follow(tracker, drawn, labels, embeddings=None):
    """Number the instances of a map, whose ids are 5 + label + 1000 x number in the map."""
    ids = 1000 * (1 + np.arange(len(labels))) + 5 + labels
    panoptic_seg = np.append(7, ids)[drawn]
    return tracker.update(panoptic_seg, ids, labels, embeddings)


def frame(*columns, width=40):
    """A map (4, width) with an instance of 6 x 4 pixels from each column on, the last in front."""
    drawn = np.zeros((4, width), np.int64)
    for number, column in enumerate(columns, 1):
        drawn[:, column : column + 6] = number
    return drawn


def test_numbers_stay_with_the_objects_in_whatever_order_they_come():
    tracker = InstanceTracker()
    assert follow(tracker, frame(2, 20), np.array([0, 0])).tolist() == [1, 2]
    assert follow(tracker, frame(21, 3), np.array([0, 0])).tolist() == [2, 1]
    # A third one appears first.
    assert follow(tracker, frame(30, 4, 22), np.array([0, 0, 0])).tolist() == [3, 1, 2]


def test_another_class_is_another_object():
    tracker = InstanceTracker()
    follow(tracker, frame(2), np.array([0]))
    assert follow(tracker, frame(2), np.array([1])).tolist() == [2]


def test_embeddings_tell_apart_what_masks_cannot():
    # Two objects that change places: each covers the other's mask of before.
    embeddings = np.array([[0.0, 0.0], [3.0, 0.0]])
    tracker = InstanceTracker()
    follow(tracker, frame(2, 5), np.array([0, 0]), embeddings)
    swapped = follow(tracker, frame(5, 2), np.array([0, 0]), embeddings)
    assert swapped.tolist() == [1, 2]
    by_masks = InstanceTracker()
    follow(by_masks, frame(2, 5), np.array([0, 0]))
    assert follow(by_masks, frame(5, 2), np.array([0, 0])).tolist() == [2, 1]


def test_a_jump_is_followed_by_the_embedding():
    tracker = InstanceTracker()
    follow(tracker, frame(2), np.array([0]), np.array([[1.0, 1.0]]))
    assert follow(tracker, frame(30), np.array([0]), np.array([[1.0, 1.2]])).tolist() == [1]
    assert follow(tracker, frame(2), np.array([0]), np.array([[9.0, 1.2]])).tolist() == [2]


@pytest.mark.parametrize('with_embeddings', [True, False])
def test_missed_for_a_while(with_embeddings):
    tracker = InstanceTracker(patience=2)
    some = np.array([[0.0, 1.0]]) if with_embeddings else None
    none = np.zeros((0, 2)) if with_embeddings else None
    follow(tracker, frame(2), np.array([0]), some)
    for _ in range(2):
        assert follow(tracker, frame(), np.zeros(0, int), none).tolist() == []
    assert follow(tracker, frame(3), np.array([0]), some).tolist() == [1]
    for _ in range(3):
        follow(tracker, frame(), np.zeros(0, int), none)
    assert follow(tracker, frame(3), np.array([0]), some).tolist() == [2]


@pytest.mark.parametrize(('with_embeddings', 'number'), [(True, 1), (False, 3)])
def test_behind_another_object(with_embeddings, number):
    def rows(*values):
        return np.array(values) if with_embeddings else None

    tracker = InstanceTracker()
    follow(tracker, frame(20), np.array([0]), rows([0.0, 0.0]))
    assert follow(tracker, frame(20), np.array([1]), rows([5.0, 5.0])).tolist() == [2]
    # Nothing of its mask was left to remember, so only the embedding can bring it back.
    back = follow(tracker, frame(20, 28), np.array([0, 1]), rows([0.0, 0.4], [5.0, 5.5]))
    assert back[0] == number


def test_frames_of_another_size_start_anew():
    tracker = InstanceTracker()
    follow(tracker, frame(2), np.array([0]), np.zeros((1, 2)))
    assert follow(tracker, frame(2, width=50), np.array([0]), np.zeros((1, 2))).tolist() == [2]


def test_instances_without_pixels_in_view():
    tracker = InstanceTracker()
    assert follow(tracker, frame(2, 2), np.array([0, 0])).tolist() == [1, 2]
    assert follow(tracker, frame(2), np.array([0])).tolist() == [2]
