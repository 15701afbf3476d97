"""A visualizer for panoptic samples: what mmdet's hook and inferencer draw with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mmcv
import numpy as np
from mmdet.registry import VISUALIZERS
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer
from mmengine.dist import master_only
from mmengine.structures import PixelData

from .colors import SegmentColors, segment_colors
from .ground_truth import read_panoptic_seg
from .panoptic import draw_panoptic, fit_scale, resize_map, resize_pair

# White pixels between ground truth and prediction.
_GAP = 8


@VISUALIZERS.register_module()
class PanopticLocalVisualizer(DetLocalVisualizer):
    """mmdet's ``DetLocalVisualizer`` with a color per instance.

    mmdet colors a panoptic map by class, so that touching instances of one class look like one.
    Here every instance has a color of its own; ground truth and prediction stand side by side, and
    an instance that was found (IoU above 0.5) has the same color in both. Samples without a
    panoptic map are drawn as mmdet does.

    Args:
        min_size: small images are enlarged until their shorter side has this many pixels, so that
            class names can be read; 0 draws at the image's own size.
        alpha: opacity of instances in [0, 1].
        with_names: write class names.
        name: of the visualizer; the hook finds it by this name.
        kwargs: of mmdet's ``DetLocalVisualizer``: ``vis_backends``, ``save_dir`` ...
    """

    def __init__(
        self,
        name: str = 'visualizer',
        min_size: int = 400,
        alpha: float = 0.65,
        with_names: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, alpha=alpha, **kwargs)
        self.min_size = min_size
        self.with_names = with_names

    @master_only
    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: DetDataSample | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        pred_score_thr: float = 0.3,
        step: int = 0,
    ) -> None:
        """Draw ground truth (left; without one, the image itself) and prediction (right).

        Args:
            name: of the image.
            image: (H, W, 3) uint8 RGB, at the original size.
            data_sample: with ``gt_panoptic_seg`` or ``pred_panoptic_seg``, ``sem_seg`` (1, H, W).
                Where the former is missing but the sample names its ``seg_map_path`` and
                ``segments_info``, that PNG is read.
            draw_gt: whether to draw the left side.
            draw_pred: whether to draw the right side.
            show: open a window.
            wait_time: seconds the window stays; 0 waits for a key.
            out_file: write the drawing there instead of to the backends.
            pred_score_thr: not used for panoptic maps, whose instances were selected already.
            step: of the backends' records.

        Raises:
            ValueError: when the visualizer does not know the class names.
        """
        if data_sample is None or not {'gt_panoptic_seg', 'pred_panoptic_seg'} & set(
            data_sample.keys()
        ):
            super().add_datasample(
                name,
                image,
                data_sample,
                draw_gt,
                draw_pred,
                show,
                wait_time,
                out_file,
                pred_score_thr,
                step,
            )
            return
        if not (self.dataset_meta or {}).get('classes'):
            raise ValueError(
                'the visualizer does not know the class names: set its `dataset_meta` to the '
                'metainfo of the data set'
            )
        truth = self._ground_truth(data_sample, image.shape[:2]) if draw_gt else None
        drawn = self._draw_sides(
            image.clip(0, 255).astype(np.uint8), truth, data_sample, draw_gt, draw_pred
        )
        self.set_image(drawn)
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)
        if out_file is not None:
            mmcv.imwrite(drawn[..., ::-1], out_file)
        else:
            self.add_image(name, drawn, step)

    def _draw_sides(
        self,
        image: np.ndarray,
        truth: np.ndarray | None,
        data_sample: DetDataSample,
        draw_gt: bool,
        draw_pred: bool,
    ) -> np.ndarray:
        """Ground truth and prediction side by side, or the one that was asked for."""
        scale = fit_scale(*image.shape[:2], self.min_size)
        size = round(image.shape[1] * scale), round(image.shape[0] * scale)
        sides, reference = [], None
        if truth is not None:
            reference = truth, self._colors(truth)
            sides.append(self._draw_map(image, truth, reference[1], size))
        elif draw_gt:
            sides.append(resize_pair(image, np.zeros(image.shape[:2], np.int32), size)[0])
        if draw_pred and 'pred_panoptic_seg' in data_sample:
            predicted = self._prediction(data_sample)
            sides.append(self._draw_map(image, predicted, self._colors(predicted, reference), size))
        if len(sides) == 2:
            sides.insert(1, np.full((size[1], _GAP, 3), 255, np.uint8))
        return np.concatenate(sides, axis=1) if sides else image

    def _draw_map(
        self,
        image: np.ndarray,
        panoptic_seg: np.ndarray,
        colors: SegmentColors,
        size: tuple[int, int],
    ) -> np.ndarray:
        image, panoptic_seg = resize_pair(image, panoptic_seg, size)
        classes = self.dataset_meta['classes']
        return draw_panoptic(
            image, panoptic_seg, classes, colors, alpha=self.alpha, with_names=self.with_names
        )

    def _draw_panoptic_seg(
        self,
        image: np.ndarray,
        panoptic_seg: PixelData,
        classes: Sequence[str],
        palette: Sequence[Sequence[int]] | None,
    ) -> np.ndarray:
        """What mmdet calls for one map: draws at the image's own size."""
        return draw_panoptic(
            image,
            _to_array(panoptic_seg),
            classes,
            palette=palette,
            alpha=self.alpha,
            with_names=self.with_names,
        )

    def _colors(
        self, panoptic_seg: np.ndarray, reference: tuple[np.ndarray, SegmentColors] | None = None
    ) -> SegmentColors:
        meta = self.dataset_meta
        return segment_colors(panoptic_seg, len(meta['classes']), meta.get('palette'), reference)

    def _prediction(self, data_sample: DetDataSample) -> np.ndarray:
        """The sample's map; void is void again where ``CocoPanopticMetric`` made it 0."""
        predicted = _to_array(data_sample.pred_panoptic_seg)
        classes = self.dataset_meta['classes']
        # Where label 0 is a thing, no segment has id 0: instances count from 1.
        if classes[0] in self.dataset_meta.get('thing_classes', ()):
            predicted[predicted == 0] = len(classes)
        return predicted

    def _ground_truth(
        self, data_sample: DetDataSample, shape: tuple[int, int]
    ) -> np.ndarray | None:
        """The sample's map, or its PNG's, at the image's (height, width); None without either."""
        path, segments = data_sample.get('seg_map_path'), data_sample.get('segments_info')
        if 'gt_panoptic_seg' in data_sample:
            truth = _to_array(data_sample.gt_panoptic_seg)
        elif path and segments is not None and 'thing_classes' in self.dataset_meta:
            truth = read_panoptic_seg(path, segments, self.dataset_meta)
        else:
            return None
        # A test pipeline that resizes the image may have resized the map with it.
        return resize_map(truth, shape[::-1])


def _to_array(pixel_data: PixelData) -> np.ndarray:
    """(1, H, W) tensor or array of a PixelData to (H, W) int64."""
    return pixel_data.cpu().numpy().sem_seg[0].astype(np.int64)
