"""One image with its prediction and its ground truth, as all measures look at it."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..structures.id_map import read_id_map
from ..structures.segments import GroundTruthSegments, parse_segments
from .classes import ClassTable


class PredictedInstances(NamedTuple):
    """The K predicted things of an image; the mask of one is where the map has its id.

    Attributes:
        labels: (K,) int64 in [0, C_th).
        scores: (K,) float64 in [0, 1].
        panoptic_ids: (K,) int64.
    """

    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    panoptic_ids: NDArray[np.int64]


class EvaluatedImage:
    """Reads what is asked for, once: several measures share one decoded ground truth.

    Args:
        sample: prediction and metainfo, as mmengine's evaluator hands them over; not changed.
        classes: of the data set.
        backend_args: storage backend of :func:`mmengine.fileio.get`.
    """

    def __init__(
        self,
        sample: Mapping[str, Any],
        classes: ClassTable,
        backend_args: dict[str, Any] | None = None,
    ) -> None:
        self.sample = sample
        self.classes = classes
        self.backend_args = backend_args

    @property
    def image_id(self) -> int | str:
        """As in the data set."""
        return self.field('img_id')

    @property
    def path(self) -> Path:
        """Of the image itself."""
        return Path(self.field('img_path'))

    @cached_property
    def pred_map(self) -> NDArray[np.integer]:
        """(H, W) label + 1000 * instance, void = C; may share memory with the sample."""
        pred_map = self._map('pred_panoptic_seg', 'panoptic')
        if 0 in self.classes.thing_labels and pred_map.min(initial=1) == 0:
            # Things count from 1, so no segment has id 0: mmdet's CocoPanopticMetric, when listed
            # before this one, has overwritten void with it.
            pred_map = np.where(pred_map == 0, len(self.classes), pred_map)
        return pred_map

    @cached_property
    def pred_labels(self) -> NDArray[np.integer]:
        """(H, W) labels in [0, C): the semantic prediction, which has no void."""
        return self._map('pred_sem_seg', 'semantic')

    @cached_property
    def instances(self) -> PredictedInstances:
        """The predicted instances.

        Raises:
            KeyError: when the sample lacks them or one of their fields.
        """
        fields = self.sample.get('pred_instances', {})
        missing = [key for key in ('labels', 'scores', 'panoptic_ids') if key not in fields]
        if missing:
            raise KeyError(
                f'image {self.sample.get("img_id")}: `pred_instances` of the sample lacks '
                f'{missing}; AP needs the label, the score and the id in `pred_panoptic_seg` of '
                f'every instance, as EINet predicts them (a detector that predicts masks is '
                f"measured by mmdet's CocoMetric)"
            )
        return PredictedInstances(
            fields['labels'].cpu().long().numpy(),
            fields['scores'].cpu().double().numpy(),
            fields['panoptic_ids'].cpu().long().numpy(),
        )

    @cached_property
    def gt_map(self) -> NDArray[np.uint32]:
        """(H, W) ids of the ground truth's segments, 0 = void."""
        return read_id_map(self.field('seg_map_path'), self.backend_args)

    @cached_property
    def segments(self) -> GroundTruthSegments:
        """The segments that the annotation lists."""
        return parse_segments(
            self.field('segments_info'), len(self.classes), self.classes.thing_labels
        )

    def field(self, key: str) -> Any:
        """A field of the sample.

        Args:
            key: its name.

        Raises:
            KeyError: when it is missing or None.
        """
        if self.sample.get(key) is None:
            raise KeyError(
                f'image {self.sample.get("img_id")}: the sample lacks `{key}`, which '
                f'PanopticMetric needs; add it to `meta_keys` of the packing transform'
            )
        return self.sample[key]

    def _map(self, key: str, kind: str) -> NDArray[np.integer]:
        if key not in self.sample:
            raise KeyError(
                f'image {self.sample.get("img_id")}: the sample lacks `{key}`; the model must '
                f'predict {kind} segmentation'
            )
        values = np.asarray(self.sample[key]['sem_seg'].cpu())
        return values.reshape(values.shape[-2:])
