"""The structure of an annotation file: images, annotations, and which belongs to which."""

import os.path as osp
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from .findings import Finding


class Record(NamedTuple):
    """One image of the annotation file.

    Attributes:
        image: complete entry of ``images``.
        annotation: its complete entry of ``annotations``, or None.
        index: of the entry in ``annotations``, or None.
    """

    image: Mapping[str, Any]
    annotation: Mapping[str, Any] | None
    index: int | None


def check_layout(content: Any, test_mode: bool, ann_file: str) -> list[Finding]:
    """Check that the file has the parts that everything else is looked up in.

    Args:
        content: of the file.
        test_mode: whether it may lack ``annotations``.
        ann_file: its path.

    Returns:
        At most one finding; when there is one, the file cannot be checked any further.
    """
    required = ['categories', 'images'] + ([] if test_mode else ['annotations'])
    problem = ''
    if not isinstance(content, Mapping):
        problem = f'it holds a {type(content).__name__}, not an object with {required}'
    elif missing := [key for key in required if key not in content]:
        problem = f'it lacks {missing}'
    elif wrong := [k for k in (*required, 'annotations') if not _is_list(content.get(k, []))]:
        problem = f'{wrong} must be lists'
    elif not content['images']:
        problem = '`images` is empty'
    return [Finding('annotation-file', problem, ann_file)] if problem else []


def pair_records(
    content: Mapping[str, Any], test_mode: bool, ann_file: str
) -> tuple[list[Record], list[Finding]]:
    """Find the annotation of each image.

    Args:
        content: of the file, with the layout of :func:`check_layout`.
        test_mode: whether images may have no annotations, if none has.
        ann_file: its path.

    Returns:
        Records of all complete images, each id once; and what is wrong with the others.
    """
    images, found = _complete_images(content['images'], ann_file)
    annotations = content.get('annotations', [])
    complete = [(i, a) for i, a in enumerate(annotations) if _is_complete_annotation(a)]
    found += [
        Finding('annotation-fields', _annotation_message(a), ann_file)
        for a in annotations
        if not _is_complete_annotation(a)
    ]
    # An incomplete entry still says which image it belongs to.
    known = {i['id'] for i in content['images'] if _has_id(i, 'id')}
    annotated = {a['image_id'] for a in annotations if _has_id(a, 'image_id')}
    by_image: dict[Hashable, tuple[int, Mapping[str, Any]]] = {}
    for index, annotation in complete:
        image_id = annotation['image_id']
        name = f'annotation {annotation["file_name"]}'
        if image_id not in known:
            message = f'{name} has image_id {image_id!r}{_other_type(image_id, known)}'
            found.append(Finding('annotation-without-image', message, ann_file, image_id))
        elif image_id in by_image:
            first = by_image[image_id][1]['file_name']
            message = f'image {image_id!r} has annotations {first} and {annotation["file_name"]}'
            found.append(Finding('annotation-twice', message, ann_file, image_id))
        else:
            by_image[image_id] = (index, annotation)
    if annotated or not test_mode:
        found += [
            Finding('image-without-annotation', f'image {i["file_name"]}', ann_file, i['id'])
            for i in images
            if i['id'] not in annotated
        ]
    names = [a['file_name'] for _, a in complete]
    found += _repeated(names, 'png-name-twice', 'annotations', ann_file)
    records = []
    for image in images:
        index, annotation = by_image.get(image['id'], (None, None))
        records.append(Record(image, annotation, index))
    return records, found


def check_locations(
    records: Sequence[Record], image_file: Callable[[Mapping[str, Any]], str], ann_file: str
) -> list[Finding]:
    """Find files that lie outside the folders that the config names.

    Args:
        records: of the annotation file.
        image_file: gives an image's path below the folder of images.
        ann_file: path of the annotation file.

    Returns:
        Findings about absolute paths, and paths that climb out with ``..``.
    """
    found = []
    for image, annotation, _ in records:
        names = [image_file(image)] + ([] if annotation is None else [annotation['file_name']])
        found += [
            Finding('outside-folder', f'file_name {name}', ann_file, image['id'])
            for name in names
            if osp.isabs(name) or osp.normpath(name).split(osp.sep)[0] == osp.pardir
        ]
    return found


def _complete_images(
    images: Sequence[Any], ann_file: str
) -> tuple[list[Mapping[str, Any]], list[Finding]]:
    """Those that can be looked at, each id once; and what is wrong with the others."""
    found: list[Finding] = []
    complete: dict[Hashable, Mapping[str, Any]] = {}
    for image in images:
        problem = _image_problem(image)
        if problem:
            image_id = image['id'] if _has_id(image, 'id') else None
            found.append(Finding('image-fields', f'{problem}: {image}', ann_file, image_id))
        elif image['id'] in complete:
            names = f'{complete[image["id"]]["file_name"]} and {image["file_name"]}'
            found.append(
                Finding('image-id-twice', f'{image["id"]!r}: {names}', ann_file, image['id'])
            )
        else:
            complete[image['id']] = image
    names = [image['file_name'] for image in images if not _image_problem(image)]
    found += _repeated(names, 'image-name-twice', 'images', ann_file)
    return list(complete.values()), found


def _image_problem(image: Any) -> str:
    """What an entry of ``images`` lacks; empty when nothing."""
    if not isinstance(image, Mapping):
        return 'not an object'
    if not _has_id(image, 'id'):
        return '`id` must be a number or a string'
    if not isinstance(image.get('file_name'), str) or not image['file_name']:
        return '`file_name` must be a name'
    sides = [image.get('height'), image.get('width')]
    if any(type(side) is not int or side < 1 for side in sides):
        return '`height` and `width` must be positive integers'
    return ''


def _is_complete_annotation(annotation: Any) -> bool:
    return (
        _has_id(annotation, 'image_id')
        and isinstance(annotation.get('file_name'), str)
        and bool(annotation['file_name'])
        and _is_list(annotation.get('segments_info'))
    )


def _annotation_message(annotation: Any) -> str:
    keys = sorted(annotation) if isinstance(annotation, Mapping) else annotation
    instances = isinstance(annotation, Mapping) and 'segmentation' in annotation
    return f'one has {keys}' + (
        '; this looks like instance annotations (instances_*.json)' if instances else ''
    )


def _has_id(entry: Any, key: str) -> bool:
    """Whether an entry has an id; True and False are none."""
    return isinstance(entry, Mapping) and type(entry.get(key)) in (int, str)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _repeated(names: Sequence[str], kind: str, entries: str, ann_file: str) -> list[Finding]:
    return [
        Finding(kind, f'{count} {entries} have file_name {name}', ann_file)
        for name, count in Counter(names).items()
        if count > 1
    ]


def _other_type(image_id: Hashable, known: set[Hashable]) -> str:
    """Hint at an id that only differs in being a number or a string."""
    same = [other for other in known if str(other) == str(image_id)]
    return f'; `images` has {same[0]!r}, of another type' if same else ''
