"""Images of what the network computes inside: centroid heatmaps and embeddings.

Images are RGB uint8.

Shape shorthand:
    H, W: image
    h, w: feature map
    C_th: thing classes
    D: channels
    P: peaks
"""

from __future__ import annotations

import cv2
import numpy as np

_DIM = 0.35


def heatmap_overlay(
    image: np.ndarray, heatmap: np.ndarray, peaks_xy: np.ndarray | None = None
) -> np.ndarray:
    """Lay a centroid heatmap over the grayed image and ring the peaks that became instances.

    Args:
        image: (H, W, 3) uint8 RGB.
        heatmap: (h, w) or (C_th, h, w) probabilities in [0, 1]; the maximum over classes is shown.
        peaks_xy: (P, 2) xy in the image's pixels, or None.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    if heatmap.ndim == 3:
        heatmap = heatmap.max(axis=0)
    height, width = image.shape[:2]
    strength = cv2.resize(
        heatmap.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR
    ).clip(0, 1)
    glow = cv2.applyColorMap((255 * strength).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    gray = 0.45 * cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]
    share = np.sqrt(strength)[..., None]
    drawn = np.ascontiguousarray((share * glow + (1 - share) * gray).astype(np.uint8))
    if peaks_xy is not None:
        radius = max(3, round(min(height, width) / 70))
        for x, y in np.round(peaks_xy).astype(int).tolist():
            cv2.circle(drawn, (x, y), radius + 1, (0, 0, 0), 1, cv2.LINE_AA)
            cv2.circle(drawn, (x, y), radius, (80, 255, 255), 1, cv2.LINE_AA)
    return drawn


def embedding_colors(embedding: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Show an embedding as colors: its three principal components become red, green and blue.

    The components are those of the pixels in ``mask`` (things), where the embedding must tell
    instances apart; the rest is drawn dimmed in the same space. Signs are fixed, so that equal
    inputs give equal images.

    Args:
        embedding: (D, h, w) float.
        mask: (h, w) bool, pixels to fit on; all of them when None or nearly empty.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    depth, height, width = embedding.shape
    pixels = np.nan_to_num(embedding.reshape(depth, -1).T.astype(np.float64))
    chosen = np.ones(len(pixels), bool) if mask is None or mask.sum() < 8 else mask.ravel()
    centered = pixels - pixels[chosen].mean(axis=0)
    # eigh sorts ascending: the last three columns carry the most variance.
    axes = np.linalg.eigh(centered[chosen].T @ centered[chosen])[1][:, ::-1][:, :3]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    projected = np.zeros((len(pixels), 3))
    projected[:, : axes.shape[1]] = centered @ axes
    low, high = np.percentile(projected[chosen], (2, 98), axis=0)
    # A component without variance is rounding noise, which must not be stretched to full color.
    floor = max(1e-6 * float((high - low).max()), 1e-12)
    unit = ((projected - low) / np.maximum(high - low, floor)).clip(0, 1)
    unit[~chosen] *= _DIM
    return np.round(255 * unit).astype(np.uint8).reshape(height, width, 3)
