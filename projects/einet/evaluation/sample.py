"""One sample, its prediction and its ground truth, as all measures look at it."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..functional.steps import to_host
from ..structures.id_map import read_id_map
from ..structures.panoptic_ids import restore_void
from ..structures.segments import GroundTruthSegments, parse_segments
from .classes import PanopticClasses

# What a sample has of a prediction.
MAPS = ('pred_panoptic_seg', 'pred_sem_seg')
INSTANCE_FIELDS = ('labels', 'scores', 'panoptic_ids')


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


class EvaluatedSample:
    """Reads what is asked for, once: several measures share one decoded ground truth.

    Args:
        fields: Prediction and metainfo, as mmengine's evaluator hands them over; not changed.
        classes: Data set's classes.
        backend_args: Storage backend of :func:`mmengine.fileio.get`.
    """

    def __init__(
        self,
        fields: Mapping[str, Any],
        classes: PanopticClasses,
        backend_args: dict[str, Any] | None = None,
    ) -> None:
        self.fields = fields
        self.classes = classes
        self.backend_args = backend_args

    @property
    def image_id(self) -> int | str:
        """The image's id in the data set."""
        return self.field('img_id')

    @property
    def file_name(self) -> PurePosixPath:
        """The image's path below its data set's folder: the name of what is written for it."""
        path = PurePosixPath(self.fields.get('file_name') or self.field('img_path'))
        # Only a name that stays inside keeps its folder.
        is_inside = 'file_name' in self.fields and not path.is_absolute() and '..' not in path.parts
        return path if is_inside else PurePosixPath(path.name)

    @property
    def category_ids(self) -> tuple[int, ...]:
        """(C,) annotation file's id of each label.

        Raises:
            KeyError: Neither the sample nor the metainfo has them.
        """
        found = self.fields.get('category_ids') or self.classes.category_ids
        if not found:
            raise KeyError(
                f'image {self.fields.get("img_id")}: the sample lacks `category_ids`, the '
                f"annotation file's id of each label, which results are written with; use "
                f'PanopticDataset, or add it to the metainfo of the dataset'
            )
        return tuple(found)

    @cached_property
    def pred_map(self) -> NDArray[np.integer]:
        """(H, W) label + 1000 * instance, void = C; may share memory with the sample."""
        pred_map = self._map('pred_panoptic_seg', 'panoptic')
        return restore_void(pred_map, len(self.classes), 0 in self.classes.thing_labels)

    @cached_property
    def pred_labels(self) -> NDArray[np.integer]:
        """(H, W) labels in [0, C): the semantic prediction, which has no void."""
        return self._map('pred_sem_seg', 'semantic')

    @cached_property
    def instances(self) -> PredictedInstances:
        """The predicted instances.

        Raises:
            KeyError: The sample lacks them or one of their fields.
        """
        fields = self.fields.get('pred_instances', {})
        missing = [key for key in INSTANCE_FIELDS if key not in fields]
        if missing:
            raise KeyError(
                f'image {self.fields.get("img_id")}: `pred_instances` of the sample lacks '
                f'{missing}; AP needs the label, the score and the id in `pred_panoptic_seg` of '
                f'every instance, as EINet predicts them (a detector that predicts masks is '
                f"measured by mmdet's CocoMetric)"
            )
        labels, scores, ids = (self._prediction[key] for key in INSTANCE_FIELDS)
        return PredictedInstances(
            labels.long().numpy(), scores.double().numpy(), ids.long().numpy()
        )

    @cached_property
    def gt_map(self) -> NDArray[np.uint32]:
        """(H, W) ids of the ground truth's segments, 0 = void."""
        return read_id_map(self.field('seg_map_path'), self.backend_args)

    @cached_property
    def gt_segments(self) -> GroundTruthSegments:
        """The segments that the annotation lists."""
        return parse_segments(
            self.field('segments_info'), len(self.classes), self.classes.thing_labels
        )

    def field(self, key: str) -> Any:
        """A field of the sample.

        Args:
            key: Field's name.

        Raises:
            KeyError: The field is missing or None.
        """
        if self.fields.get(key) is None:
            raise KeyError(
                f'image {self.fields.get("img_id")}: the sample lacks `{key}`, which '
                f'PanopticMetric needs; add it to `meta_keys` of the packing transform'
            )
        return self.fields[key]

    def _map(self, key: str, kind: str) -> NDArray[np.integer]:
        if key not in self.fields:
            raise KeyError(
                f'image {self.fields.get("img_id")}: the sample lacks `{key}`; the model must '
                f'predict {kind} segmentation'
            )
        values = self._prediction[key].numpy()
        return values.reshape(values.shape[-2:])

    @cached_property
    def _prediction(self) -> dict[str, Tensor]:
        """What the sample has of maps and instances, in the host's memory."""
        found = {key: self.fields.get(key, {}).get('sem_seg') for key in MAPS}
        instances = self.fields.get('pred_instances', {})
        found |= {key: instances.get(key) for key in INSTANCE_FIELDS}
        tensors = {key: value for key, value in found.items() if isinstance(value, Tensor)}
        return dict(zip(tensors, to_host(list(tensors.values())), strict=True))
