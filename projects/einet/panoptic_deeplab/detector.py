"""Panoptic-DeepLab from this package's parts: a baseline on equal terms."""

from __future__ import annotations

from typing import Any

from mmdet.registry import MODELS
from mmdet.structures import OptSampleList, SampleList
from torch import Tensor

from ..models.detector import PanopticDetector
from .outputs import PanopticDeepLabOutputs
from .targets import CenterTargets, build_center_targets


@MODELS.register_module()
class PanopticDeepLab(PanopticDetector):
    """Panoptic-DeepLab (Cheng et al., CVPR 2020): semantics, class-agnostic centers, offsets.

    Encoder, decoders, data and fusion's last step are those of :class:`EINet`, so that one run
    compares the two methods. The published instance decoder is of the semantic decoder's kind,
    with an ASPP of its own and half its width.

    Args:
        semantic_head: See :class:`SemanticHead`.
        center_head: See :class:`CentroidHeatmapHead`; gets one class.
        offset_head: See :class:`OffsetHead`.
        **kwargs: See :class:`PanopticDetector`. Here ``criterion`` is a
            :class:`PanopticDeepLabCriterion`, ``fusion`` an :class:`OffsetPanopticFusion`, and
            ``targets`` has options of
            :func:`einet.panoptic_deeplab.targets.build_center_targets`: ``small_instance_area``,
            ``small_instance_weight``, ``sigma``.
    """

    def __init__(
        self, *, semantic_head: dict, center_head: dict, offset_head: dict, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.semantic_head = MODELS.build({'num_classes': self.num_classes, **semantic_head})
        self.center_head = MODELS.build({**center_head, 'num_things_classes': 1})
        self.offset_head = MODELS.build(offset_head)
        self._finish()

    def _forward(
        self, batch_inputs: Tensor, batch_data_samples: OptSampleList = None
    ) -> PanopticDeepLabOutputs:
        """The network's maps for a batch; mode ``'tensor'``.

        Args:
            batch_inputs: (B, 3, H, W) float, normalized.
            batch_data_samples: Not used.
        """
        features = self.extract_feat(batch_inputs)
        instance = self.instance_decoder(features)
        return PanopticDeepLabOutputs(
            semantic_logits=self.semantic_head(self.semantic_decoder(features)),
            heatmap_logits=self.center_head(instance),
            offsets=self.offset_head(instance),
        )

    def build_targets(
        self, data_samples: SampleList, feature_size: tuple[int, int]
    ) -> CenterTargets:
        """What the losses compare with.

        Args:
            data_samples: B samples, packed and padded.
            feature_size: (h, w) of the network's maps.
        """
        return build_center_targets(data_samples, feature_size, **self.target_options)

    def loss(self, batch_inputs: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Losses of a batch by key.

        Args:
            batch_inputs: (B, 3, H, W) float, normalized.
            batch_data_samples: B samples as packed by :class:`PackPanopticInputs`.
        """
        outputs = self._forward(batch_inputs)
        targets = self.build_targets(batch_data_samples, tuple(outputs.semantic_logits.shape[-2:]))
        return self.criterion(outputs=outputs, targets=targets)
