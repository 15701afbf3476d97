"""Normalizes images and pads them, with all their target maps, to one size.

Shape shorthand:
    B: images of a batch
    C: categories, C_th of them things (first)
    h, w: one image
    H, W: padded batch
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmdet.models.data_preprocessors import DetDataPreprocessor
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.structures import PixelData
from torch import Tensor

from ..structures.limits import IGNORE_LABEL


@MODELS.register_module()
class PanopticDataPreprocessor(DetDataPreprocessor):
    """Pad images and target maps alike, in training and in testing.

    Padding goes to the right and to the bottom, so coordinates stay. ``gt_sem_seg`` is padded with
    255, ``gt_panoptic_seg`` with `void_label`, bitmaps of ``gt_instances`` with 0.

    Args:
        mean: Per channel, after the color conversion, in the input's units.
        std: Per channel.
        pad_size_divisor: Sides of the batch become multiples of it.
        pad_value: Value of the padding, after normalization.
        bgr_to_rgb: Swap the channels of BGR input (what mm's loaders give).
        rgb_to_bgr: Swap the channels of RGB input.
        void_label: C, void of ``gt_panoptic_seg``; :class:`EINet` sets it.
        num_things_classes: C_th of the model; None leaves that of the samples unchecked.
        batch_augments: Changes of the normalized batch in training, such as mmdet's
            ``BatchFixedSizePad``; target maps grow with it. Scaling is for the pipeline.
        non_blocking: Copy to the device asynchronously.

    Raises:
        ValueError: A batch augment scales, an image has other values than 8-bit ones, NaN or
            infinite ones, a target map has another size than its image, or samples were made for
            other class counts than the model's.
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        pad_size_divisor: int = 1,
        pad_value: float = 0,
        bgr_to_rgb: bool = False,
        rgb_to_bgr: bool = False,
        void_label: int | None = None,
        num_things_classes: int | None = None,
        batch_augments: list[dict] | None = None,
        non_blocking: bool = False,
    ) -> None:
        for augment in batch_augments or ():
            if 'Resize' in str(augment['type']):
                raise ValueError(
                    f'PanopticDataPreprocessor: batch_augments may only pad, but '
                    f'{augment["type"]} would scale images without their target maps; use '
                    'RandomResize in the pipeline'
                )
        super().__init__(
            mean=mean,
            std=std,
            pad_size_divisor=pad_size_divisor,
            pad_value=pad_value,
            bgr_to_rgb=bgr_to_rgb,
            rgb_to_bgr=rgb_to_bgr,
            batch_augments=batch_augments,
            non_blocking=non_blocking,
        )
        self.void_label = void_label
        self.num_things_classes = num_things_classes

    def forward(self, data: dict, training: bool = False) -> dict:
        """Turn a collated batch into the model's input.

        Args:
            data: ``inputs``, B tensors (3, h, w) or one (B, 3, h, w), and ``data_samples``, B
                samples or None. Neither is changed. Gray images (1, h, w) become gray in three
                channels, and a fourth channel, alpha, is left out.
            training: Apply ``batch_augments``, and accept floats in 0..1, as of an all but black
                image.

        Returns:
            ``inputs``, (B, 3, H, W) float32, and ``data_samples`` with maps of (1, H, W).
        """
        samples = data.get('data_samples') or [DetDataSample()] * len(data['inputs'])
        if self._enable_normalize and len(self.mean) == 3:
            for image, sample in zip(data['inputs'], samples, strict=True):
                _check_image(image, sample, training)
            if any(len(image) != 3 for image in data['inputs']):
                data = data | dict(inputs=[_three_channels(image) for image in data['inputs']])
        for image, sample in zip(data['inputs'], samples, strict=True):
            self._check(image, sample)
        data = super().forward(data, training)
        for sample in data['data_samples'] or []:
            self._pad_targets(sample, tuple(data['inputs'].shape[-2:]))
        return data

    def _check(self, image: Tensor, sample: DetDataSample) -> None:
        """Refuse a sample that would spoil training silently."""
        name = _name(sample)
        if image.is_floating_point() and not torch.isfinite(image).all():
            raise ValueError(
                f'{name}: the image has NaN or infinite values after the pipeline; repair the '
                f'file or the transform that makes them'
            )
        for key in ('gt_sem_seg', 'gt_panoptic_seg'):
            if key in sample and sample.get(key).sem_seg.shape[-2:] != image.shape[-2:]:
                raise ValueError(
                    f'{name}: {key} has (height, width) {tuple(sample.get(key).sem_seg.shape[-2:])}'
                    f', the image {tuple(image.shape[-2:])}; put LoadPanopticSegments before the '
                    f'geometric transforms, and take only such that move gt_seg_map'
                )
        for key, count in (
            ('num_classes', self.void_label),
            ('num_things_classes', self.num_things_classes),
        ):
            found = sample.get(key)
            if None not in (found, count) and found != count:
                raise ValueError(
                    f'{name}: {key} of its data set is {found}, of the model {count}; set '
                    'num_things_classes and num_stuff_classes of the model to those of the data '
                    'set'
                )

    def _pad_targets(self, sample: DetDataSample, size: tuple[int, int]) -> None:
        """Pad a sample's maps to `size` (H, W)."""
        if 'gt_sem_seg' in sample:
            sample.gt_sem_seg = _pad(sample.gt_sem_seg, size, IGNORE_LABEL)
        if 'gt_panoptic_seg' in sample:
            if self.void_label is None:
                raise ValueError(
                    'PanopticDataPreprocessor needs void_label (the number of classes) to pad '
                    'gt_panoptic_seg'
                )
            sample.gt_panoptic_seg = _pad(sample.gt_panoptic_seg, size, self.void_label)
        if 'masks' in sample.get('gt_instances', ()):
            # A copy: the caller keeps its own instances, unpadded.
            sample.gt_instances = sample.gt_instances.clone()
            sample.gt_instances.masks = sample.gt_instances.masks.pad(size, pad_val=0)


def _name(sample: DetDataSample) -> str:
    return sample.get('img_path') or 'image without img_path'


def _check_image(image: Tensor, sample: DetDataSample, training: bool) -> None:
    """Refuse what is no image of 8-bit values."""
    problem = None
    if image.ndim != 3 or image.shape[0] not in (1, 3, 4):
        problem = f'shape {tuple(image.shape)}'
    elif image.dtype != torch.uint8 and not image.is_floating_point():
        problem = f'values of {image.dtype}'
    elif not training and image.is_floating_point() and 0 < image.max() <= 1:
        problem = 'floats in 0..1'
    if problem is not None:
        raise ValueError(
            f'{_name(sample)}: the image has {problem}; give (height, width, 3) BGR, gray or BGRA '
            f'as uint8, or as floats in 0..255: multiply floats in 0..1 by 255, divide 16-bit '
            f'values by 257'
        )


def _three_channels(image: Tensor) -> Tensor:
    """(3, H, W) of a gray (1, H, W), BGR (3, H, W) or BGRA (4, H, W) image."""
    return image.expand(3, -1, -1) if len(image) == 1 else image[:3]


def _pad(pixel_data: PixelData, size: tuple[int, int], value: int) -> PixelData:
    """A map (1, h, w) padded to (1, H, W) on the right and at the bottom."""
    sem_seg = pixel_data.sem_seg
    height, width = sem_seg.shape[-2:]
    padding = (0, size[1] - width, 0, size[0] - height)
    return PixelData(sem_seg=F.pad(sem_seg, padding, value=value))
