"""Panoptic-DeepLab from this package's parts: a baseline on equal terms."""

from __future__ import annotations

from mmdet.registry import MODELS
from mmdet.structures import OptSampleList, SampleList
from torch import Tensor

from ..models.detector import PanopticDetector
from .outputs import PanopticDeepLabOutputs
from .targets import build_center_targets


@MODELS.register_module()
class PanopticDeepLab(PanopticDetector):
    """Panoptic-DeepLab (Cheng et al., CVPR 2020): semantics, class-agnostic centers, offsets.

    Encoder, decoders, data and fusion's last step are those of :class:`EINet`, so that one run
    compares the two methods. The published instance decoder is of the semantic decoder's kind,
    with an ASPP of its own and half its width.

    The class counts stand here once and are handed to the parts.

    Args:
        num_things_classes: C_th; labels 0 .. C_th - 1.
        num_stuff_classes: C_st; labels C_th .. C - 1.
        backbone: any backbone of mmdet or mmseg with features at strides 4, 8 and 16 (or 32).
        semantic_decoder: (features) -> (B, channels, h, w).
        instance_decoder: (features) -> (B, channels, h, w).
        semantic_head: see :class:`SemanticHead`.
        center_head: see :class:`CentroidHeatmapHead`; gets one class.
        offset_head: see :class:`OffsetHead`.
        criterion: see :class:`PanopticDeepLabCriterion`.
        fusion: network maps -> panoptic image, see :class:`OffsetPanopticFusion`.
        targets: options of :func:`einet.panoptic_deeplab.targets.build_center_targets`:
            ``small_instance_area``, ``small_instance_weight``, ``sigma``.
        allow_other_classes: load the rest of a checkpoint whose class counts differ (transfer);
            otherwise such a checkpoint is an error.
        data_preprocessor: see :class:`PanopticDataPreprocessor`.
    """

    def __init__(
        self,
        num_things_classes: int,
        num_stuff_classes: int,
        backbone: dict,
        semantic_decoder: dict,
        instance_decoder: dict,
        semantic_head: dict,
        center_head: dict,
        offset_head: dict,
        criterion: dict,
        fusion: dict,
        targets: dict | None = None,
        allow_other_classes: bool = False,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            num_things_classes,
            num_stuff_classes,
            backbone=backbone,
            semantic_decoder=semantic_decoder,
            instance_decoder=instance_decoder,
            fusion=fusion,
            targets=targets,
            allow_other_classes=allow_other_classes,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
        )
        self.semantic_head = MODELS.build({'num_classes': self.num_classes, **semantic_head})
        self.center_head = MODELS.build({**center_head, 'num_things_classes': 1})
        self.offset_head = MODELS.build(offset_head)
        self.criterion = MODELS.build(criterion)

    def _forward(
        self, batch_inputs: Tensor, batch_data_samples: OptSampleList = None
    ) -> PanopticDeepLabOutputs:
        """The network's maps for a batch; mode ``'tensor'``.

        Args:
            batch_inputs: (B, 3, H, W) float, normalized.
            batch_data_samples: not used.
        """
        features = self.extract_feat(batch_inputs)
        instance = self.instance_decoder(features)
        return PanopticDeepLabOutputs(
            semantic_logits=self.semantic_head(self.semantic_decoder(features)),
            heatmap_logits=self.center_head(instance),
            offsets=self.offset_head(instance),
        )

    def loss(self, batch_inputs: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Losses of a batch by key.

        Args:
            batch_inputs: (B, 3, H, W) float, normalized.
            batch_data_samples: B samples as packed by :class:`PackPanopticInputs`.
        """
        outputs = self._forward(batch_inputs)
        targets = build_center_targets(
            batch_data_samples, tuple(outputs.semantic_logits.shape[-2:]), **self.target_options
        )
        return self.criterion(outputs=outputs, targets=targets)
