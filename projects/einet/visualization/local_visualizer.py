"""A visualizer for panoptic samples: what mmdet's hook and inferencer draw with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
from mmdet.registry import VISUALIZERS
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer
from mmengine.dist import master_only
from mmengine.structures import PixelData

from ..structures.panoptic_ids import restore_void
from .colors import SegmentColors, segment_colors
from .ground_truth import ground_truth, to_array
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
        name: Name by which the hook finds the visualizer.
        min_size: Small images are enlarged until their shorter side has this many pixels, so that
            class names can be read; 0 draws at the image's own size.
        alpha: Opacity of instances in [0, 1].
        with_names: Whether to write class names.
        font: Font file (TTF, OTF, TTC) to prefer for class names; by default one that has their
            characters is looked for among the system's.
        **kwargs: Options of mmdet's ``DetLocalVisualizer``: ``vis_backends``, ``save_dir`` ...

    Raises:
        FileNotFoundError: There is no such ``font``.
    """

    def __init__(
        self,
        name: str = 'visualizer',
        min_size: int = 400,
        alpha: float = 0.65,
        with_names: bool = True,
        font: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, alpha=alpha, **kwargs)
        if font is not None and not Path(font).is_file():
            raise FileNotFoundError(f'visualizer.font: there is no file {font}')
        self.font = font
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
            name: Name under which the backends record the drawing.
            image: (H, W, 3) uint8 RGB, gray (H, W) or RGBA (H, W, 4), original image.
            data_sample: ``pred_panoptic_seg`` (``sem_seg``: (1, H, W)) and the ground truth, see
                :func:`.ground_truth.ground_truth`.
            draw_gt: Whether to draw the left side.
            draw_pred: Whether to draw the right side.
            show: Whether to open a window.
            wait_time: Seconds that the window stays; 0 waits for a key.
            out_file: File to write the drawing to instead of to the backends.
            pred_score_thr: Not used for panoptic maps, whose instances were selected already.
            step: Step under which the backends record the drawing.

        Raises:
            ValueError: The visualizer does not know the class names.
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
        if image.ndim == 2 or image.shape[2] == 1:
            image = np.broadcast_to(image.reshape(*image.shape[:2], 1), (*image.shape[:2], 3))
        drawn = self._draw_sides(
            image[..., :3].clip(0, 255).astype(np.uint8), data_sample, draw_gt, draw_pred
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
        data_sample: DetDataSample,
        draw_gt: bool,
        draw_pred: bool,
    ) -> np.ndarray:
        """Ground truth and prediction side by side, or the one that was asked for."""
        scale = fit_scale(*image.shape[:2], self.min_size)
        size = round(image.shape[1] * scale), round(image.shape[0] * scale)
        truth = ground_truth(data_sample, image) if draw_gt else None
        sides, reference = [], None
        if truth is not None:
            reference = truth, self._colors(truth)
            sides.append(self._draw_map(image, truth, reference[1], size))
        elif draw_gt:
            sides.append(resize_pair(image, np.zeros(image.shape[:2], np.int32), size)[0])
        if draw_pred and 'pred_panoptic_seg' in data_sample:
            predicted = resize_map(self._prediction(data_sample), image.shape[1::-1])
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
            image,
            panoptic_seg,
            classes,
            colors,
            alpha=self.alpha,
            with_names=self.with_names,
            font=self.font,
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
            to_array(panoptic_seg),
            classes,
            palette=palette,
            alpha=self.alpha,
            with_names=self.with_names,
            font=self.font,
        )

    def _colors(
        self, panoptic_seg: np.ndarray, reference: tuple[np.ndarray, SegmentColors] | None = None
    ) -> SegmentColors:
        meta = self.dataset_meta
        return segment_colors(panoptic_seg, len(meta['classes']), meta.get('palette'), reference)

    def _prediction(self, data_sample: DetDataSample) -> np.ndarray:
        """The sample's map, with its void as the model predicted it."""
        classes = self.dataset_meta['classes']
        first_is_thing = classes[0] in self.dataset_meta.get('thing_classes', ())
        return restore_void(to_array(data_sample.pred_panoptic_seg), len(classes), first_is_thing)
