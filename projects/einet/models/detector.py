"""What the panoptic detectors share: encoder, decoders, prediction, checkpoints.

Shape shorthand:
    B: images of a batch
    C: categories, C_th of them things (first), C_st of them stuff
    K: instances of one image
    H, W: padded input, or the image of a prediction
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mmdet.models.detectors import BaseDetector
from mmdet.registry import MODELS
from mmdet.structures import SampleList
from mmengine.config import Config
from torch import Tensor

from ..functional.resize import Shapes
from .checkpoints import checked_weights, drop_other_shapes, name_classes
from .outputs import split_outputs, write_prediction
from .recomputation import turn_on_recomputation


class PanopticDetector(BaseDetector):
    """One encoder, two decoders, and a fusion that turns their maps into a panoptic image.

    A subclass adds heads, ``_forward``, ``build_targets`` and ``loss``. ``_forward`` gives a named
    tuple of the batch's maps; the fusion takes that of one image.

    The class counts stand here once and are handed to the parts. A subclass adds its heads and
    calls :meth:`_finish`.

    Args:
        num_things_classes: C_th; labels 0 .. C_th - 1.
        num_stuff_classes: C_st; labels C_th .. C - 1.
        backbone: Any backbone of mmdet or mmseg. It, or its neck, gives features at strides 4, 8
            and 16 (or 32).
        semantic_decoder: (features) -> (B, channels, h, w).
        instance_decoder: (features) -> (B, channels, h, w).
        criterion: Outputs and targets -> losses.
        fusion: One image's outputs -> its panoptic result.
        neck: Backbone's features -> those that the decoders take; None where they fit as they are.
        targets: Options of the function that makes the training targets.
        compile: Compile backbone, neck and decoders with :func:`torch.compile`: True, or a dict of
            its options. Heads are single convolutions; in losses and fusion the number of
            instances is a size, for which each batch would be compiled anew.
        activation_checkpointing: Names of the parts whose activations the backward pass computes
            again, such as ``['backbone', 'semantic_decoder', 'instance_decoder']``: less memory,
            more time, same gradients. See :func:`turn_on_recomputation`. Not with ``compile``.
        allow_other_classes: Load the rest of a checkpoint whose class counts differ (transfer);
            otherwise such a checkpoint is an error.
        data_preprocessor: See :class:`PanopticDataPreprocessor`.

    Raises:
        TypeError: An argument that neither this class nor the subclass takes.
        ValueError: ``compile`` with ``activation_checkpointing``, or a part that does not exist.
    """

    def __init__(
        self,
        num_things_classes: int,
        num_stuff_classes: int,
        backbone: dict,
        semantic_decoder: dict,
        instance_decoder: dict,
        criterion: dict,
        fusion: dict,
        neck: dict | None = None,
        targets: dict | None = None,
        compile: bool | dict = False,
        activation_checkpointing: Sequence[str] = (),
        allow_other_classes: bool = False,
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
        **unknown: object,
    ) -> None:
        if unknown:
            raise TypeError(
                f'{type(self).__name__} got arguments that it does not take: {", ".join(unknown)}'
            )
        num_classes = num_things_classes + num_stuff_classes
        if data_preprocessor is not None:
            data_preprocessor = {
                'void_label': num_classes,
                'num_things_classes': num_things_classes,
                **data_preprocessor,
            }
        super().__init__(data_preprocessor, init_cfg)
        self.num_things_classes = num_things_classes
        self.num_classes = num_classes
        self.class_counts = {
            'num_things_classes': num_things_classes,
            'num_stuff_classes': num_stuff_classes,
        }
        self.target_options = dict(targets or {})
        self.allow_other_classes = allow_other_classes
        self._cfg: Config | None = None
        self._dataset_meta: dict | None = None
        self.backbone = MODELS.build(backbone)
        self.neck = None if neck is None else MODELS.build(neck)
        self.semantic_decoder = MODELS.build(semantic_decoder)
        self.instance_decoder = MODELS.build(instance_decoder)
        self.criterion = MODELS.build(criterion)
        self.fusion = MODELS.build({**self.class_counts, **fusion})
        self._activation_checkpointing = activation_checkpointing
        self._compile = compile
        self._faster_network: Callable[[Tensor], Any] | None = None

    def _finish(self) -> None:
        """Last step of a subclass's ``__init__``, when all parts are there."""
        turn_on_recomputation(self, self._activation_checkpointing)
        if self._compile is False:
            return
        if self._activation_checkpointing:
            raise ValueError(
                f'{type(self).__name__}: compile and activation_checkpointing exclude each '
                f'other: torch.compile cannot follow a recomputation that leaves running '
                f'statistics alone. Leave one of them out'
            )
        options = {} if self._compile is True else self._compile
        for part in (self.backbone, self.neck, self.semantic_decoder, self.instance_decoder):
            if part is not None:
                part.compile(**options)

    def init_weights(self) -> None:
        """Initialize; published weights of the backbone must be readable and fit."""
        with checked_weights(self.backbone):
            super().init_weights()

    @property
    def cfg(self) -> Config | None:
        """The whole config, as mmdet's inference sets it."""
        return self._cfg

    @cfg.setter
    def cfg(self, config: Config) -> None:
        self._cfg = config
        self._name_classes()

    @property
    def dataset_meta(self) -> dict | None:
        """Class names and colors, as mmdet's inference sets them, before or after ``cfg``."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, metainfo: dict) -> None:
        self._dataset_meta = metainfo
        self._name_classes()

    def _name_classes(self) -> None:
        if self._cfg is not None and self._dataset_meta is not None:
            name_classes(self._dataset_meta, self._cfg, self.allow_other_classes)

    def extract_feat(self, batch_inputs: Tensor) -> tuple[Tensor, ...]:
        """Features at strides 4, 8 and 16 or 32, of the backbone or its neck."""
        features = self.backbone(batch_inputs)
        return self.neck(features) if self.with_neck else features

    @property
    def is_compiled(self) -> bool:
        """Whether parts are compiled, which the argument ``compile`` asks for."""
        return self._compile is not False

    def predict_with(self, network: Callable[[Tensor], Any] | None) -> None:
        """Take the maps of predictions from a faster network of the same weights.

        It is forgotten when the model is trained, moved or gets other weights.

        Args:
            network: From a batch (B, 3, H, W) to the maps that the fusion reads; None for the
                model's own network. A function: a module would become a part of the model and of
                its checkpoints.
        """
        self._faster_network = network

    def train(self, mode: bool = True) -> PanopticDetector:
        """As every module's; training changes the weights."""
        if mode:
            self._faster_network = None
        return super().train(mode)

    def _apply(self, *args: Any, **kwargs: Any) -> PanopticDetector:
        """What ``to`` and ``cuda`` call: another device or type."""
        self._faster_network = None
        return super()._apply(*args, **kwargs)

    def prediction_maps(self, batch_inputs: Tensor) -> Any:
        """The maps that the fusion reads, maybe without the others.

        Args:
            batch_inputs: (B, 3, H, W) float, normalized.

        Returns:
            A named tuple of the batch's maps.
        """
        return (self._faster_network or self._forward)(batch_inputs)

    def predict(
        self, batch_inputs: Tensor, batch_data_samples: SampleList, rescale: bool = True
    ) -> SampleList:
        """Panoptic predictions, written into the samples.

        Args:
            batch_inputs: (B, 3, H, W) float, normalized.
            batch_data_samples: B samples with ``img_shape`` and ``ori_shape``.
            rescale: Predict at the original image's size (default) or at the input's.

        Returns:
            The samples with ``pred_panoptic_seg`` (``sem_seg``: (1, H, W) int32, label + 1000 x
            instance, void = C), ``pred_sem_seg`` (``sem_seg``: (1, H, W) uint8) and
            ``pred_instances`` (``labels``, ``scores``, ``panoptic_ids``: (K,), ``centroids``:
            (K, 2) xy, and where instances have one ``embeddings``: (K, D)), instances in the order
            of their ids.
        """
        padded = tuple(batch_inputs.shape[-2:])
        images = split_outputs(self.prediction_maps(batch_inputs))
        for sample, outputs in zip(batch_data_samples, images, strict=True):
            img = tuple(sample.img_shape[:2])
            ori = tuple(sample.ori_shape[:2]) if rescale else img
            result = self.fusion(outputs, Shapes(padded, img, ori))
            write_prediction(sample, result)
        return batch_data_samples

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: object) -> None:
        """Refuse, or with ``allow_other_classes`` skip, parameters of another class set."""
        self._faster_network = None
        drop_other_shapes(self, state_dict, prefix, self.allow_other_classes)
        super()._load_from_state_dict(state_dict, prefix, *args)
