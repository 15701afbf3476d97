import numpy as np

from einet.visualization.panels import PANEL_TITLES, model_panels

from .scenes import META, pets, photo


def test_one_image_per_title_all_of_one_size():
    truth = pets()
    prediction = truth.copy()
    prediction[truth == 2000] = 9000
    prediction[truth == 3001] = 2
    rng = np.random.default_rng(0)
    panels = model_panels(
        photo(),
        truth,
        prediction,
        heatmap=rng.random((2, 15, 20)),
        embedding=rng.normal(size=(6, 15, 20)),
        centroids=np.array([[18.0, 25.0]]),
        dataset_meta=META,
        box=200,
    )
    assert len(panels) == len(PANEL_TITLES)
    assert {(p.shape, p.dtype) for p in panels} == {((150, 200, 3), np.dtype('uint8'))}
    _, drawn_truth, drawn, _, _ = panels
    # The second cat (x 28..43, y 10..39; times 2.5) was found under another number: same color.
    assert drawn[90, 105].tolist() == drawn_truth[90, 105].tolist()
    # The dog was missed: grass there.
    assert drawn[100, 150].tolist() != drawn_truth[100, 150].tolist()


def test_nothing_predicted():
    void = np.full((60, 80), 4)
    panels = model_panels(
        photo(),
        pets(),
        void,
        np.zeros((2, 15, 20)),
        np.zeros((6, 15, 20)),
        np.zeros((0, 2)),
        META,
        100,
    )
    assert len(panels) == 5
