"""Any data set in COCO's panoptic format: a JSON and a folder of id-coded PNGs."""

import os.path as osp
from collections.abc import Iterator, Mapping
from typing import Any

from mmdet.datasets import BaseDetDataset
from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.fileio import join_path, load

from ..structures.limits import MAX_JSON_BYTES
from .categories import complete_metainfo
from .rules import (
    Finding,
    annotated_segment_findings,
    category_findings,
    category_table,
    layout_findings,
    link_findings,
    locate,
    location_findings,
    raise_first,
    record_findings,
)
from .rules.annotations import annotation_is_complete, image_problem


@DATASETS.register_module()
class PanopticDataset(BaseDetDataset):
    """Images with panoptic annotations, in COCO's panoptic format.

    Labels are things first (0 .. C_th - 1), then stuff, in the order of the config; categories of
    the file are matched by name. Each sample has ``img_path``, ``seg_map_path`` (None without
    ground truth), ``img_id`` (int or str), ``height``, ``width``, ``num_classes``,
    ``num_things_classes`` and ``segments_info``: a list of dicts with ``id`` (in the PNG),
    ``category`` (label), ``iscrowd`` (0 or 1) and ``is_thing``, False for crowd (as in mmdet).

    For results, samples also have ``file_name``, see :meth:`result_file`, and ``category_ids``, the
    file's category id of each label. The latter are not in the metainfo, because data sets of the
    same classes may have files with other ids.

    Args:
        ann_file: JSON with ``categories``, ``images`` and (may be absent in test mode)
            ``annotations``.
        metainfo: ``dict(thing_classes=(...), stuff_classes=(...), palette=[...])``; the palette is
            optional, ``classes`` is made of both.
        data_root: Prefix of ``ann_file`` and of the folders in ``data_prefix``.
        data_prefix: Folders: ``img`` of the images, ``seg`` of the PNGs.
        filter_cfg: Used in training only; drops images with a side below ``min_size`` pixels and,
            with ``filter_empty_gt``, those without a thing that is not crowd. Keeps all by default.
        allow_links: Read files that links put outside these folders. The folders themselves may
            always be links.
        **kwargs: See :class:`mmdet.datasets.BaseDetDataset`: ``pipeline``, ``test_mode``,
            ``backend_args``, ``indices``, ``lazy_init``, ``serialize_data``, ``max_refetch``.

    Raises:
        FileNotFoundError: There is no annotation file.
        ValueError: A rule of :mod:`.rules` is broken; the message is its first error's.
    """

    METAINFO: dict[str, Any] = {}

    def __init__(
        self,
        ann_file: str,
        metainfo: Mapping[str, Any] | Config | None = None,
        data_root: str = '',
        data_prefix: dict[str, str] | None = None,
        filter_cfg: dict[str, Any] | None = None,
        allow_links: bool = False,
        **kwargs: Any,
    ) -> None:
        unknown = set(filter_cfg or {}) - {'filter_empty_gt', 'min_size'}
        if unknown:
            raise ValueError(
                f'filter_cfg has {sorted(unknown)}; it takes filter_empty_gt and min_size'
            )
        self.allow_links = allow_links
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
        return complete_metainfo(cls.merge_metainfo(metainfo))

    @classmethod
    def merge_metainfo(cls, metainfo: Mapping[str, Any] | Config | None) -> dict[str, Any]:
        """Metainfo of the class updated by `metainfo`, not checked."""
        own = dict(metainfo or {})
        merged = super()._load_metainfo(own)
        if {'thing_classes', 'stuff_classes'} & own.keys():
            # Other classes than the preset's: its list and colors are no longer theirs.
            for key in {'classes', 'palette'} - own.keys():
                merged.pop(key, None)
        return merged

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the annotation file and check it.

        Returns:
            One data info per image, in the file's order.
        """
        content = self.read()
        raise_first(self.findings(content), file=self.ann_file)
        things, stuff = self._metainfo['thing_classes'], self._metainfo['stuff_classes']
        category_ids = list(category_table(self.file_categories(content), things, stuff))
        self.category_ids = category_ids
        self.cat2label = {category: label for label, category in enumerate(category_ids)}
        annotations = {a['image_id']: a for a in content.get('annotations', [])}
        counts = dict(num_classes=len(category_ids), num_things_classes=len(things))
        return [
            self._image_info(image) | counts | self._segments(annotations.get(image['id']))
            for image in content['images']
        ]

    def findings(self, content: Any) -> Iterator[Finding]:
        """Check an annotation file's content by itself, without images.

        Args:
            content: Whatever the JSON holds.

        Yields:
            Everything that is wrong; only the layout's defects when it has any.
        """
        unusable = list(layout_findings(content, self.test_mode))
        yield from unusable
        if unusable:
            return
        things, stuff = self._metainfo['thing_classes'], self._metainfo['stuff_classes']
        categories = self.file_categories(content)
        yield from category_findings(categories, things, stuff)
        yield from record_findings(content, self.test_mode)
        for image in content['images']:
            if not image_problem(image):
                found = location_findings([self.image_file(image)])
                yield from locate(found, image_id=image['id'])
        for annotation in filter(annotation_is_complete, content.get('annotations', [])):
            found = location_findings([annotation['file_name']])
            yield from locate(found, image_id=annotation['image_id'])
        table = category_table(categories, things, stuff)
        yield from annotated_segment_findings(content.get('annotations', []), table)

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

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """An image's data info, with what belongs to its annotation file."""
        return super().get_data_info(idx) | dict(category_ids=self.category_ids)

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on an image.

        Args:
            idx: Number of the image.

        Returns:
            What the pipeline gives.

        Raises:
            ValueError: A file is a link out of its folder, or a transform failed without naming
                the image's files; this does.
        """
        info = self.get_data_info(idx)
        raise_first(self.link_findings(info['img_path'], info['seg_map_path']))
        try:
            return super().prepare_data(idx)
        except Exception as error:  # decoders and transforms may raise anything
            paths = filter(None, (info['img_path'], info['seg_map_path']))
            documented = isinstance(error, OSError | ValueError)
            if documented and any(path in str(error) for path in paths):
                raise
            raise ValueError(
                f'{info["img_path"]} ({info["width"]} x {info["height"]} in the annotation): '
                f'{type(error).__name__}: {error}. The file is damaged or of a kind or size that '
                f'the pipeline cannot take: repair it, convert it to PNG or JPEG, or remove it; '
                f'tools/check_dataset.py looks at all files at once'
            ) from error

    def link_findings(self, img_path: str, seg_map_path: str | None) -> Iterator[Finding]:
        """Find links of an image or its PNG that lead out of their folders."""
        if self.allow_links:
            return
        yield from link_findings(img_path, self.data_prefix['img'])
        if seg_map_path:
            yield from link_findings(seg_map_path, self.data_prefix['seg'])

    def get_cat_ids(self, idx: int) -> list[int]:
        """Labels in image `idx`, for samplers that balance classes."""
        return sorted({s['category'] for s in self.get_data_info(idx)['segments_info']})

    def image_file(self, image: Mapping[str, Any]) -> str:
        """Path of an image below ``data_prefix['img']``; presets override it."""
        return image['file_name']

    def result_file(self, image: Mapping[str, Any]) -> str:
        """Name of an image in results: its path below ``data_prefix['img']``."""
        return self.image_file(image)

    def file_categories(self, content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Categories that the file's segments refer to; presets override it."""
        return content['categories']

    def read(self) -> Any:
        """Read the annotation file.

        Returns:
            Whatever the JSON holds.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is not JSON, or it is nested or large beyond all measure.
        """
        if osp.isfile(self.ann_file) and osp.getsize(self.ann_file) > MAX_JSON_BYTES:
            raise ValueError(
                f'{self.ann_file} has more than {MAX_JSON_BYTES} bytes: split the data set, and '
                'join the parts with ConcatDataset'
            )
        try:
            return load(self.ann_file, file_format='json', backend_args=self.backend_args)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'{self.ann_file} does not exist; check data_root ({self.data_root!r}) and '
                f'ann_file of the dataset in the config'
            ) from error
        except (ValueError, RecursionError) as error:
            raise ValueError(f'{self.ann_file} is not JSON or is cut off: {error}') from error

    def image_path(self, image: Mapping[str, Any]) -> str:
        """Path of an image on disk."""
        return join_path(self.data_prefix['img'], self.image_file(image))

    def seg_map_path(self, annotation: Mapping[str, Any]) -> str:
        """Path of a PNG on disk, by the annotation's own name: not the image's with a suffix."""
        return osp.join(self.data_prefix['seg'], annotation['file_name'])

    def _image_info(self, image: Mapping[str, Any]) -> dict[str, Any]:
        return dict(
            img_id=image['id'],
            img_path=self.image_path(image),
            file_name=self.result_file(image),
            height=image['height'],
            width=image['width'],
        )

    def _segments(self, annotation: Mapping[str, Any] | None) -> dict[str, Any]:
        if annotation is None:
            return dict(seg_map_path=None, segments_info=[])
        num_things = len(self._metainfo['thing_classes'])
        segments = []
        for segment in annotation['segments_info']:
            label, crowd = self.cat2label[segment['category_id']], int(segment.get('iscrowd', 0))
            is_thing = label < num_things and not crowd
            segments.append(
                dict(id=segment['id'], category=label, is_thing=is_thing, iscrowd=crowd)
            )
        return dict(seg_map_path=self.seg_map_path(annotation), segments_info=segments)
