"""Rules for the structure of an annotation file: images, annotations, and which belong together."""

import os.path as osp
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from ...structures.limits import MAX_PIXELS
from .findings import Finding


def layout_findings(content: Any, test_mode: bool) -> Iterator[Finding]:
    """Check that the file has the parts that everything else is looked up in.

    Args:
        content: Whatever the JSON holds.
        test_mode: Whether it may lack ``annotations``.

    Yields:
        At most one finding; when there is one, no other rule can be applied.
    """
    required = ['categories', 'images'] + ([] if test_mode else ['annotations'])
    problem = ''
    if not isinstance(content, Mapping):
        problem = f'it holds a {type(content).__name__}, not an object with {required}'
    elif missing := [key for key in required if key not in content]:
        problem = f'it lacks {missing}'
    elif wrong := [
        key for key in (*required, 'annotations') if not isinstance(content.get(key, []), list)
    ]:
        problem = f'{wrong} must be lists'
    elif not content['images']:
        problem = '`images` is empty'
    if problem:
        yield Finding('annotation-file', problem)


def record_findings(content: Mapping[str, Any], test_mode: bool) -> Iterator[Finding]:
    """Check all entries of ``images`` and ``annotations``, and that each image has one annotation.

    Args:
        content: Annotation file's content, of the right layout.
        test_mode: Whether images may have no annotations, if none has.

    Yields:
        What is wrong with images, then with annotations, then with pairs of both.
    """
    images, annotations = content['images'], content.get('annotations', [])
    yield from _image_findings(images)
    # An incomplete entry still says which image it belongs to.
    yield from _annotation_findings(annotations, {i['id'] for i in images if _has_id(i, 'id')})
    named = {a['image_id'] for a in annotations if _has_id(a, 'image_id')}
    if named or not test_mode:
        for image in images:
            if not image_problem(image) and image['id'] not in named:
                yield Finding('image-without-annotation', image['file_name'], image_id=image['id'])


def location_findings(names: Iterable[str]) -> Iterator[Finding]:
    """Find files that lie outside the folders that the config names.

    Args:
        names: Paths below those folders.

    Yields:
        Absolute paths, paths that climb out with ``..``, and those that no file can have.
    """
    for name in names:
        climbs = osp.normpath(name).split(osp.sep)[0] == osp.pardir
        if osp.isabs(name) or climbs or '\0' in name:
            yield Finding('outside-folder', 'file_name ' + name.replace('\0', '\\0'))


def link_findings(path: str, folder: str) -> Iterator[Finding]:
    """Find a file that a link puts outside its folder; the folder itself may be a link.

    Args:
        path: A file below the folder, by its name.
        folder: Folder that the config names.

    Yields:
        At most one finding.
    """
    if '\0' in path:  # no file has this name, see location_findings
        return
    by_name = osp.commonpath([osp.abspath(path), osp.abspath(folder)]) == osp.abspath(folder)
    real, root = osp.realpath(path), osp.realpath(folder)
    if by_name and osp.commonpath([real, root]) != root:
        yield Finding('outside-folder', f'{path} is a link to {real}')


def image_problem(image: Any) -> str:
    """Say what is wrong with an entry of ``images`` by itself; empty when nothing is."""
    if not isinstance(image, dict):
        return 'not an object'
    if not _has_id(image, 'id'):
        return '`id` must be a number or a string'
    if not isinstance(image.get('file_name'), str) or not image['file_name']:
        return '`file_name` must be a name'
    for side in ('height', 'width'):
        if type(image.get(side)) is not int or image[side] < 1:
            return '`height` and `width` must be positive integers'
    if image['height'] * image['width'] > MAX_PIXELS:
        return f'`height` x `width` must be at most {MAX_PIXELS} pixels'
    return ''


def annotation_is_complete(annotation: Any) -> bool:
    """Say whether an entry of ``annotations`` has all its fields."""
    return (
        _has_id(annotation, 'image_id')
        and isinstance(annotation.get('file_name'), str)
        and bool(annotation['file_name'])
        and isinstance(annotation.get('segments_info'), list)
    )


def _image_findings(images: Iterable[Any]) -> Iterator[Finding]:
    first: dict[Hashable, str] = {}
    names = []
    for image in images:
        problem = image_problem(image)
        if problem:
            image_id = image['id'] if _has_id(image, 'id') else None
            yield Finding('image-fields', f'{problem}: {image}', image_id=image_id)
            continue
        image_id, name = image['id'], image['file_name']
        names.append(name)
        if image_id in first:
            yield Finding('image-id-twice', f'{first[image_id]} and {name}', image_id=image_id)
        first.setdefault(image_id, name)
    for name, count in _repeated(names):
        yield Finding('image-name-twice', f'{count} images have file_name {name}')


def _annotation_findings(annotations: Iterable[Any], known: set[Hashable]) -> Iterator[Finding]:
    annotated: dict[Hashable, str] = {}
    same_text = {str(image_id): image_id for image_id in known}
    names = []
    for annotation in annotations:
        if not annotation_is_complete(annotation):
            yield Finding('annotation-fields', _describe(annotation))
            continue
        image_id, name = annotation['image_id'], annotation['file_name']
        names.append(name)
        if image_id not in known:
            other = same_text.get(str(image_id))
            hint = '' if other is None else f'; `images` has {other!r}, of another type'
            message = f'annotation {name} has image_id {image_id!r}{hint}'
            yield Finding('annotation-without-image', message, image_id=image_id)
        elif image_id in annotated:
            message = f'annotations {annotated[image_id]} and {name}'
            yield Finding('annotation-twice', message, image_id=image_id)
        else:
            annotated[image_id] = name
    for name, count in _repeated(names):
        yield Finding('png-name-twice', f'{count} annotations have file_name {name}')


def _describe(annotation: Any) -> str:
    """What an incomplete annotation has."""
    if not isinstance(annotation, dict):
        return f'one is {annotation}'
    hint = ''
    if 'category_id' in annotation:
        hint = "; instance annotations (instances_*.json) are not COCO's panoptic format"
    # In full, but for what may be hundreds of segments.
    short = {
        k: v if not isinstance(v, list) else f'{len(v)} entries' for k, v in annotation.items()
    }
    return f'one is {short}{hint}'


def _has_id(entry: Any, key: str) -> bool:
    """Whether an entry has an id; True and False are none."""
    return isinstance(entry, dict) and type(entry.get(key)) in (int, str)


def _repeated(names: Iterable[str]) -> list[tuple[str, int]]:
    return [(name, count) for name, count in Counter(names).items() if count > 1]
