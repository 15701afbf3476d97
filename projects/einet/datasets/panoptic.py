"""Any data set in COCO's panoptic format: a JSON and a folder of id-coded PNGs."""

import os.path as osp
from collections.abc import Mapping
from typing import Any

from mmdet.datasets import BaseDetDataset
from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.fileio import join_path, load

from ..structures.limits import MAX_ID
from .categories import complete_metainfo, match_categories


@DATASETS.register_module()
class PanopticDataset(BaseDetDataset):
    """Images with panoptic annotations, in COCO's panoptic format.

    Labels are things first (0 .. C_th - 1), then stuff, in the order of the config; categories of
    the file are matched by name. Each sample has ``img_path``, ``seg_map_path`` (None without
    ground truth), ``img_id`` (int or str), ``height``, ``width``, ``num_classes``,
    ``num_things_classes`` and ``segments_info``: a list of dicts with ``id`` (in the PNG),
    ``category`` (label), ``iscrowd`` (0 or 1) and ``is_thing``, False for crowd (as in mmdet).

    The metainfo gets ``category_ids``: the file's category id of each label, for writing results.

    Args:
        ann_file: the JSON, with ``categories``, ``images`` and (may be absent in test mode)
            ``annotations``.
        metainfo: ``dict(thing_classes=(...), stuff_classes=(...), palette=[...])``; the palette is
            optional, ``classes`` is made of both.
        data_root: prefix of ``ann_file`` and of the folders in ``data_prefix``.
        data_prefix: folders: ``img`` of the images, ``seg`` of the PNGs.
        filter_cfg: for training only; drops images with a side below ``min_size`` pixels and,
            with ``filter_empty_gt``, those without a thing that is not crowd. Keeps all by default.
        **kwargs: see :class:`mmdet.datasets.BaseDetDataset`: ``pipeline``, ``test_mode``,
            ``backend_args``, ``indices``, ``lazy_init``, ``serialize_data``, ``max_refetch``.

    Raises:
        FileNotFoundError: when there is no annotation file.
        ValueError: when metainfo and file disagree or an entry is wrong; the message says which.
    """

    METAINFO: dict[str, Any] = {}

    def __init__(
        self,
        ann_file: str,
        metainfo: Mapping[str, Any] | Config | None = None,
        data_root: str = '',
        data_prefix: dict[str, str] | None = None,
        filter_cfg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        unknown = set(filter_cfg or {}) - {'filter_empty_gt', 'min_size'}
        if unknown:
            raise ValueError(
                f'filter_cfg has {sorted(unknown)}; it takes filter_empty_gt and min_size'
            )
        super().__init__(
            ann_file=ann_file,
            metainfo=metainfo,
            data_root=data_root,
            data_prefix=dict(img='', seg='') | dict(data_prefix or {}),
            filter_cfg=filter_cfg,
            **kwargs,
        )

    @classmethod
    def _load_metainfo(cls, metainfo: Mapping[str, Any] | Config | None = None) -> dict[str, Any]:
        """Metainfo of the class updated by `metainfo`, checked and completed."""
        own = dict(metainfo or {})
        merged = super()._load_metainfo(own)
        if {'thing_classes', 'stuff_classes'} & own.keys():
            # Other classes than the preset's: its list and colors are no longer theirs.
            for key in {'classes', 'palette'} - own.keys():
                merged.pop(key, None)
        return complete_metainfo(merged)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the annotation file and check it.

        Returns:
            One data info per image, in the file's order.
        """
        content = self._read()
        things, stuff = self._metainfo['thing_classes'], self._metainfo['stuff_classes']
        categories = self.file_categories(content)
        category_ids = match_categories(categories, things, stuff, self.ann_file)
        self._metainfo['category_ids'] = category_ids
        self.cat2label = {category: label for label, category in enumerate(category_ids)}
        annotations = self._annotations_by_image(content)
        counts = dict(num_classes=len(category_ids), num_things_classes=len(things))
        return [
            self._image_info(image) | counts | self._segments(annotations.get(image['id']))
            for image in content['images']
        ]

    def filter_data(self) -> list[dict[str, Any]]:
        """Apply `filter_cfg`, in training."""
        if self.test_mode or not self.filter_cfg:
            return self.data_list
        min_size = self.filter_cfg.get('min_size', 0)
        only_with_things = self.filter_cfg.get('filter_empty_gt', False)
        kept = [
            info
            for info in self.data_list
            if min(info['height'], info['width']) >= min_size
            and not (only_with_things and not any(s['is_thing'] for s in info['segments_info']))
        ]
        if self.data_list and not kept:
            raise ValueError(
                f'filter_cfg {self.filter_cfg} leaves none of the {len(self.data_list)} images '
                f'of {self.ann_file}'
            )
        return kept

    def get_cat_ids(self, idx: int) -> list[int]:
        """Labels in image `idx`, for samplers that balance classes."""
        return sorted({s['category'] for s in self.get_data_info(idx)['segments_info']})

    def image_file(self, image: Mapping[str, Any]) -> str:
        """Path of an image below ``data_prefix['img']``; presets override it."""
        return image['file_name']

    def file_categories(self, content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Categories that the file's segments refer to; presets override it."""
        return content['categories']

    def _read(self) -> dict[str, Any]:
        try:
            content = load(self.ann_file, file_format='json', backend_args=self.backend_args)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'{self.ann_file} does not exist; check data_root ({self.data_root!r}) and '
                f'ann_file of the dataset in the config'
            ) from error
        except ValueError as error:
            raise ValueError(f'{self.ann_file} is not JSON or is cut off: {error}') from error
        required = ['categories', 'images'] + ([] if self.test_mode else ['annotations'])
        missing = [key for key in required if key not in content]
        if missing:
            raise ValueError(f"{self.ann_file} lacks {missing}, which COCO's panoptic format has")
        if not content['images']:
            raise ValueError(f'{self.ann_file}: `images` is empty')
        return content

    def _annotations_by_image(self, content: Mapping[str, Any]) -> dict[Any, dict[str, Any]]:
        """Annotations by image id: exactly one for each image, or none at all in test mode."""
        image_ids = [image['id'] for image in content['images']]
        if len(set(image_ids)) < len(image_ids):
            raise ValueError(f'{self.ann_file}: two `images` have the same id')
        annotations: dict[Any, dict[str, Any]] = {}
        known = set(image_ids)
        for annotation in content.get('annotations', []):
            if 'segments_info' not in annotation or 'file_name' not in annotation:
                raise ValueError(
                    f'{self.ann_file}: annotations lack `segments_info` or `file_name`: this is '
                    f"not COCO's panoptic format; instance annotations are named `instances_*.json`"
                )
            image_id = annotation['image_id']
            if image_id not in known or image_id in annotations:
                problem = 'occurs twice' if image_id in annotations else 'is not among `images`'
                raise ValueError(
                    f'{self.ann_file}: image_id {image_id!r} of annotation '
                    f'{annotation["file_name"]} {problem}'
                )
            annotations[image_id] = annotation
        without = [image_id for image_id in image_ids if image_id not in annotations]
        if without and (annotations or not self.test_mode):
            raise ValueError(
                f'{self.ann_file}: {len(without)} of {len(image_ids)} images have no annotation, '
                f'for example image id {without[0]!r}; add an annotation (its `segments_info` may '
                f'be empty) or remove the image'
            )
        return annotations

    def _image_info(self, image: Mapping[str, Any]) -> dict[str, Any]:
        missing = [key for key in ('file_name', 'height', 'width') if key not in image]
        if missing:
            raise ValueError(f'{self.ann_file}: image {image["id"]!r} lacks {missing}')
        return dict(
            img_id=image['id'],
            img_path=join_path(self.data_prefix['img'], self.image_file(image)),
            height=image['height'],
            width=image['width'],
        )

    def _segments(self, annotation: Mapping[str, Any] | None) -> dict[str, Any]:
        if annotation is None:
            return dict(seg_map_path=None, segments_info=[])
        num_things = len(self._metainfo['thing_classes'])
        segments = []
        for segment in annotation['segments_info']:
            label = self.cat2label.get(segment['category_id'])
            if label is None or not 0 < segment['id'] <= MAX_ID:
                raise ValueError(
                    f'{self.ann_file}: annotation {annotation["file_name"]} has a segment '
                    f'{dict(segment)} whose category_id is not among `categories` or whose id is '
                    f'not in [1, {MAX_ID}] (0 is void)'
                )
            crowd = int(segment.get('iscrowd', 0))
            is_thing = label < num_things and not crowd
            segments.append(
                dict(id=segment['id'], category=label, is_thing=is_thing, iscrowd=crowd)
            )
        if len({segment['id'] for segment in segments}) < len(segments):
            raise ValueError(
                f'{self.ann_file}: annotation {annotation["file_name"]} uses a segment id twice'
            )
        # The annotation's own name, not the image's: Cityscapes' two differ in more than suffix.
        path = osp.join(self.data_prefix['seg'], annotation['file_name'])
        return dict(seg_map_path=path, segments_info=segments)
