"""Random Gaussian blur: mmcv, mmdet and mmseg have none for ordinary images."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS


@TRANSFORMS.register_module()
class GaussianBlur(BaseTransform):
    """Blur the image by OpenCV's Gaussian filter; ``gt_seg_map`` stays as it is.

    Blurs every image it is given; put it into mmcv's ``RandomApply`` to blur some. The standard
    deviation is drawn anew for each image from numpy's generator, which mmengine seeds for each
    worker.

    Required and modified key: ``img``, (H, W, 3) or (H, W), of any type that OpenCV filters.

    Args:
        sigma_range: Least and largest standard deviation in pixels, both above 0; the filter is as
            wide as OpenCV finds fit.

    Raises:
        ValueError: The range is not two positive numbers in order.
    """

    def __init__(self, sigma_range: Sequence[float] = (0.1, 2.0)) -> None:
        if len(sigma_range) != 2 or not 0 < sigma_range[0] <= sigma_range[1]:
            raise ValueError(
                f'GaussianBlur: sigma_range is {sigma_range}; give the least and the largest '
                f'standard deviation in pixels, both above 0'
            )
        self.sigma_range = tuple(sigma_range)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Blur one image."""
        sigma = np.random.uniform(*self.sigma_range)
        results['img'] = cv2.GaussianBlur(results['img'], ksize=(0, 0), sigmaX=sigma)
        return results

    def __repr__(self) -> str:
        """Name and arguments, as mmengine logs them."""
        return f'{type(self).__name__}(sigma_range={self.sigma_range})'
