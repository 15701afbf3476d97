import numpy as np

from einet.visualization.maps import embedding_colors, heatmap_overlay


def test_heatmap_glows_at_its_peak_and_nowhere_else():
    image = np.full((40, 60, 3), 100, np.uint8)
    heatmap = np.zeros((2, 10, 15))
    heatmap[1, 2, 11] = 1.0  # x 11, y 2 of 15 x 10
    drawn = heatmap_overlay(image, heatmap)
    assert drawn.shape == (40, 60, 3)
    y, x = np.unravel_index(drawn.astype(int).sum(-1).argmax(), (40, 60))
    assert abs(x - 45.5) <= 1 and abs(y - 9.5) <= 1
    assert drawn[35, 5].tolist() == [45, 45, 45]  # 0.45 of the gray image


def test_peaks_are_ringed():
    image = np.full((70, 140, 3), 100, np.uint8)
    plain = heatmap_overlay(image, np.zeros((7, 14)))
    ringed = heatmap_overlay(image, np.zeros((7, 14)), np.array([[100.2, 19.8]]))
    y, x = np.nonzero((plain != ringed).any(-1))
    assert abs(x.mean() - 100) < 0.5 and abs(y.mean() - 20) < 0.5
    assert ringed[20, 100].tolist() == plain[20, 100].tolist()  # the peak itself stays visible


def test_no_peaks():
    image = np.full((12, 16, 3), 100, np.uint8)
    assert (heatmap_overlay(image, np.zeros((3, 4)), np.zeros((0, 2))) == 45).all()


def three_instances() -> tuple[np.ndarray, np.ndarray]:
    """Embedding (8, 6, 9) that is constant in three stripes, and noise on the left third."""
    rng = np.random.default_rng(1)
    embedding = np.repeat(rng.normal(size=(8, 1, 3)), 3, axis=2).repeat(6, axis=1)
    embedding[:, :, :3] = 5 * rng.normal(size=(8, 6, 3))
    mask = np.zeros((6, 9), bool)
    mask[:, 3:] = True
    return embedding, mask


def test_instances_have_flat_colors_that_differ_and_the_rest_is_dimmed():
    embedding, mask = three_instances()
    colors = embedding_colors(embedding, mask).astype(int)
    assert (colors[:, 3:6] == colors[0, 3]).all() and (colors[:, 6:] == colors[0, 6]).all()
    assert np.abs(colors[0, 3] - colors[0, 6]).max() == 255
    assert colors[:, :3].max() <= 90  # 0.35 of 255


def test_colors_repeat_and_do_not_depend_on_the_scale():
    embedding = np.random.default_rng(2).normal(size=(5, 6, 9))
    mask = np.arange(9)[None] > np.arange(6)[:, None]
    first = embedding_colors(embedding, mask)
    assert (first == embedding_colors(embedding, mask)).all()
    scaled = embedding_colors(4 * embedding + 7, mask)
    assert np.abs(first.astype(int) - scaled).max() <= 1


def test_axes_are_the_principal_ones():
    # Variance 9 along channel 1, 4 along channel 2, 1 along channel 0.
    rng = np.random.default_rng(0)
    pixels = rng.normal(size=(3, 40, 50)) * np.array([1, 3, 2])[:, None, None]
    colors = embedding_colors(pixels).reshape(-1, 3).astype(float)
    for color, channel in enumerate((1, 2, 0)):
        correlation = np.corrcoef(colors[:, color], pixels[channel].ravel())[0, 1]
        assert correlation > 0.95


def test_degenerate_embeddings_give_images():
    assert embedding_colors(np.ones((4, 3, 5))).shape == (3, 5, 3)
    assert embedding_colors(np.random.default_rng(0).normal(size=(2, 3, 5))).shape == (3, 5, 3)
    nearly_empty = np.zeros((3, 5), bool)
    assert embedding_colors(np.ones((4, 3, 5)), nearly_empty).shape == (3, 5, 3)
    with_nan = np.random.default_rng(0).normal(size=(4, 3, 5))
    with_nan[0, 0, 0] = np.nan
    assert embedding_colors(with_nan).shape == (3, 5, 3)
