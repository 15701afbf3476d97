"""A network's prediction of one image, together with the maps that it is made of.

Shape shorthand:
    C_th: thing classes
    D: embedding width
    h, w: feature map that covers the image
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.dataset import pseudo_collate
from numpy.typing import NDArray

from ..functional.resize import Shapes
from ..models.detector import PanopticDetector
from ..models.outputs import split_outputs, write_prediction


@dataclass(frozen=True)
class NetworkView:
    """What a network says about an image.

    Args:
        sample: With the prediction, at the image's size, on the CPU.
        heatmap: (C_th or 1, h, w) float32 in [0, 1], centroids.
        embedding: (D, h, w) float32, the instance embedding, or (2, h, w) offsets to the center.
    """

    sample: DetDataSample
    heatmap: NDArray[np.float32]
    embedding: NDArray[np.float32]


@torch.no_grad()
def run_network(model: PanopticDetector, data: dict[str, Any]) -> NetworkView:
    """Predict one image; the network runs once.

    Args:
        model: EINet or Panoptic-DeepLab, in evaluation mode.
        data: What the test pipeline packs.

    Returns:
        The prediction, and maps without the padding's cells.
    """
    batch = model.data_preprocessor(pseudo_collate([data]), False)
    outputs = split_outputs(model(**batch, mode='tensor'))[0]
    sample = batch['data_samples'][0]
    padded, used = tuple(batch['inputs'].shape[-2:]), tuple(sample.img_shape[:2])
    shapes = Shapes(padded, used, tuple(sample.ori_shape[:2]))
    write_prediction(sample, model.fusion(outputs, shapes))
    grouping = outputs.offsets if hasattr(outputs, 'offsets') else outputs.instance_embedding
    height, width = (
        math.ceil(cells * part / whole)
        for cells, part, whole in zip(grouping.shape[-2:], used, padded, strict=True)
    )
    heatmap, embedding = (
        maps[:, :height, :width].float().cpu().numpy()
        for maps in (outputs.heatmap_logits.sigmoid(), grouping)
    )
    return NetworkView(sample.cpu(), heatmap, embedding)
