"""What an ONNX file says of itself: classes, how to prepare an image, how instances are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.fileio import exists

from .. import version
from ..datasets.panoptic import PanopticDataset
from ..datasets.rules import category_table
from ..datasets.validation.sources import plain_datasets
from ..models.detector import PanopticDetector
from ..utils.consistency import type_name

#: Counts up when a reader of older files would misread a new one.
FORMAT = 1
# Steps of a test pipeline that leave the image as it is.
_NEUTRAL = ('LoadImageFromFile', 'LoadPanopticSegments', 'PackPanopticInputs')
_THRESHOLDS = (
    'kernel_size',
    'peak_threshold',
    'top_k',
    'stuff_area',
    'class_weight',
    'max_distance',
    'min_peak_distance',
)


def describe_model(model: PanopticDetector, config: Config) -> dict[str, Any]:
    """What whoever runs the model has to know, by key, of types that JSON has.

    Args:
        model: Model that is exported.
        config: Its config, with ``test_dataloader``.

    Raises:
        ValueError: There is no test data, its classes are not as many as the model's, or its
            pipeline changes images in a way that the file cannot describe.
    """
    if not config.get('test_dataloader'):
        raise ValueError(f'{config.filename} has no test_dataloader: names and sizes stand there')
    settings = next(plain_datasets(config.test_dataloader.dataset))
    dataset = DATASETS.build({**settings, 'pipeline': [], 'lazy_init': True})
    counts = [len(dataset.metainfo[key]) for key in ('thing_classes', 'stuff_classes')]
    if counts != list(model.class_counts.values()):
        raise ValueError(
            f'{config.filename}: the test data has {counts[0]} thing and {counts[1]} stuff '
            f'classes, the model other counts: {model.class_counts}'
        )
    preprocessor, fusion = model.data_preprocessor, model.fusion
    normalizes = preprocessor._enable_normalize
    return dict(
        einet_format=FORMAT,
        einet_version=version.__version__,
        categories=_categories(dataset),
        channels='rgb' if preprocessor._channel_conversion else 'bgr',
        mean=preprocessor.mean.flatten().tolist() if normalizes else [0.0] * 3,
        std=preprocessor.std.flatten().tolist() if normalizes else [1.0] * 3,
        pad_size_divisor=preprocessor.pad_size_divisor,
        pad_value=preprocessor.pad_value,
        resize=_resize(settings.get('pipeline', []), config.filename),
        grouping=getattr(fusion, 'grouping', None),
        thresholds={key: getattr(fusion, key) for key in _THRESHOLDS if hasattr(fusion, key)},
    )


def _categories(dataset: PanopticDataset) -> list[dict[str, Any]]:
    """Categories in the order of the labels, as COCO's panoptic format lists them.

    Ids are the annotation file's if it is there, and COCO's for COCO; otherwise they count from 1.
    """
    meta = dataset.metainfo
    names = (meta['thing_classes'], meta['stuff_classes'])
    if exists(dataset.ann_file):
        ids: Sequence[int] = list(category_table(dataset.file_categories(dataset.read()), *names))
    elif hasattr(dataset, 'panoptic_categories'):
        ids = list(category_table(dataset.panoptic_categories(), *names))
    else:
        ids = range(1, len(meta['classes']) + 1)
    return [
        dict(id=int(id), name=name, isthing=int(label < len(names[0])), color=list(color))
        for label, (id, name, color) in enumerate(
            zip(ids, meta['classes'], meta['palette'], strict=True)
        )
    ]


def _resize(pipeline: Sequence[Mapping[str, Any]], file: str | None) -> dict[str, Any]:
    """The one ``Resize`` of a test pipeline; an empty dict when images keep their size."""
    steps = [step for step in pipeline if type_name(step['type']) not in _NEUTRAL]
    found: dict[str, Any] = {}
    for step in steps:
        known = {'type', 'scale', 'scale_factor', 'keep_ratio'}
        if type_name(step['type']) != 'Resize' or step.keys() - known or found:
            raise ValueError(
                f'{file}: the test pipeline has {type_name(step["type"])} with '
                f'{sorted(step.keys() - {"type"})}; an ONNX file can only say one Resize, with '
                'scale or scale_factor and keep_ratio: set test_dataloader.dataset.pipeline'
            )
        scale = step.get('scale')
        found = dict(
            scale=[scale, scale] if isinstance(scale, int) else scale and list(scale),
            scale_factor=step.get('scale_factor'),
            keep_ratio=bool(step.get('keep_ratio', False)),
        )
    return found
