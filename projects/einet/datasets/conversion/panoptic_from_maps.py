"""Images of one's own: a semantic map, and instances of a map or of COCO's JSON.

Shape shorthand:
    H, W: image
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...structures.files import encode_png, read_json
from ...structures.id_map import ids_to_bgr
from ...structures.runs import find_runs
from ...structures.segment_pixels import measure_segments
from ..categories import complete_metainfo, match_categories
from .coco_instances import paint_instances, read_coco_instances
from .inputs import check_size, read_image, read_instance_map, read_label_map
from .record import Split
from .split import Converted, convert_split

_IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')
_MAX_VALUE = 65535


@dataclass(frozen=True)
class MapFiles:
    """Where the images and their maps are.

    Args:
        images: Folder of the images, which may lie in subfolders.
        semantic: Folder of the semantic maps; its subfolders are those of `images`.
        instances: Folder of the maps of instances, or COCO's instances JSON.
        semantic_suffix: What follows an image's name in that of its semantic map.
        instances_suffix: What follows an image's name in that of its map of instances.
    """

    images: Path
    semantic: Path
    instances: Path
    semantic_suffix: str = '.png'
    instances_suffix: str = '.png'


class Source(NamedTuple):
    """Files of one image.

    Attributes:
        file_name: Its path below the folder of images.
        image: Path of the image.
        semantic: Path of the map.
        instances: Path of the map, or COCO's annotations with the panoptic ids of categories.
    """

    file_name: str
    image: Path
    semantic: Path
    instances: Path | list[dict[str, Any]]


def read_categories(path: Path, void: int) -> list[dict[str, Any]]:
    """Read and check the categories.

    Args:
        path: JSON file, a list or an object that has it under ``categories``.
        void: Semantic value that is no category.

    Returns:
        The categories.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: One is incomplete, repeated or out of range, or none is a thing.
    """
    content = read_json(path)
    categories = content.get('categories') if isinstance(content, dict) else content
    if not isinstance(categories, list) or not all(isinstance(c, dict) for c in categories):
        raise ValueError(f'{path}: give a list of {{"id": 1, "name": "car", "isthing": 1}}')
    things = [c.get('name') for c in categories if c.get('isthing')]
    stuff = [c.get('name') for c in categories if not c.get('isthing')]
    match_categories(categories, things, stuff, str(path))
    try:
        complete_metainfo(dict(thing_classes=things, stuff_classes=stuff))
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    wrong = [c for c in categories if c['id'] not in range(_MAX_VALUE + 1) or c['id'] == void]
    if wrong:
        raise ValueError(
            f'{path}: the id of {wrong[0]} is not in 0..{_MAX_VALUE}, or is the void value {void}'
        )
    return categories


def find_sources(files: MapFiles, categories: list[dict[str, Any]]) -> dict[str, Source]:
    """Find the images and their maps.

    Args:
        files: Where they are.
        categories: Panoptic categories, for COCO's JSON.

    Returns:
        Files of each image, by image id: the image's name without suffix.

    Raises:
        FileNotFoundError: There are no images, or no such JSON file.
        ValueError: Two images have the same name, or COCO's JSON cannot be used.
    """
    images = sorted(
        path for path in files.images.rglob('*') if path.suffix.lower() in _IMAGE_SUFFIXES
    )
    if not images:
        raise FileNotFoundError(f'{files.images} has no images ({", ".join(_IMAGE_SUFFIXES)})')
    from_json = files.instances.suffix == '.json'
    instances = read_coco_instances(files.instances, categories) if from_json else {}
    sources: dict[str, Source] = {}
    for image in images:
        file_name = image.relative_to(files.images).as_posix()
        name = file_name.removesuffix(image.suffix)
        if name in sources:
            raise ValueError(f'{image} and {sources[name].image} have the same name')
        if from_json and file_name not in instances:
            raise ValueError(f'{files.instances} has no image with the file_name {file_name}')
        sources[name] = Source(
            file_name,
            image,
            files.semantic / f'{name}{files.semantic_suffix}',
            instances.get(file_name, files.instances / f'{name}{files.instances_suffix}'),
        )
    return sources


def merge_maps(
    semantic: NDArray[np.integer],
    instances: NDArray[np.integer],
    is_thing: dict[int, bool],
    void: int,
    path: Path,
) -> tuple[NDArray[np.int64], list[dict[str, Any]]]:
    """One map of segments, numbered from 1 by category and instance.

    Args:
        semantic: (H, W) integer, ids of categories or void.
        instances: (H, W) integer from 0; 0 on a thing is crowd.
        is_thing: Whether a category is a thing, by id.
        void: Semantic value of no category.
        path: Semantic map, for the message.

    Returns:
        (H, W) numbers, 0 = void, and ``category_id`` and ``iscrowd`` of each, from number 1.

    Raises:
        ValueError: A value is neither void nor the id of a category, or all objects are void.
    """
    unknown = set(np.unique(semantic).tolist()) - is_thing.keys() - {void}
    if unknown:
        raise ValueError(
            f'{path} has the values {sorted(unknown)[:10]}, which are ids of no category, nor the '
            f'void value {void}'
        )
    on_thing = np.isin(semantic, [i for i, thing in is_thing.items() if thing])
    if not on_thing.any():
        _check_void(semantic, instances, void, path)
    runs = find_runs(semantic.astype(np.int64) << 32 | np.where(on_thing, instances, 0))
    pairs, of_run = np.unique(runs.values, return_inverse=True)
    counted = pairs >> 32 != void
    numbers = np.where(counted, np.cumsum(counted), 0)
    segments = [
        dict(category_id=pair >> 32, iscrowd=int(is_thing[pair >> 32] and not pair & 0xFFFFFFFF))
        for pair in pairs[counted].tolist()
    ]
    return runs.paint(numbers[of_run]), segments


def _check_void(
    semantic: NDArray[np.integer], instances: NDArray[np.integer], void: int, path: Path
) -> None:
    """Refuse a map without things that has objects where it is void, as a mask of 0 and 255."""
    is_void = semantic == void
    # Stuff may have any number, so one that it shares with void is no object.
    objects = np.setdiff1d(instances[is_void], np.append(0, instances[~is_void]))
    if len(objects):
        raise ValueError(
            f'{path}: all {len(objects)} objects of its instances are void: {void} is the void '
            f'value, and no pixel has the id of a thing. In a mask of 0 and {void}, write the id '
            f'of the category in place of {void}, or give another value as --void; where the '
            f'objects are meant to be void, set their instances to 0'
        )


def convert_image(source: Source, is_thing: dict[int, bool], void: int) -> Converted:
    """Merge the maps of one image.

    Args:
        source: Its files.
        is_thing: Whether a category is a thing, by id.
        void: Semantic value of no category.

    Returns:
        Its entries and its PNG.

    Raises:
        FileNotFoundError: A map is missing.
        ValueError: A file is damaged, or has another size or other values than it should.
    """
    image = read_image(source.image)
    semantic = read_label_map(source.semantic)
    check_size(source.semantic, semantic, image)
    if isinstance(source.instances, Path):
        instances = read_instance_map(source.instances)
        check_size(source.instances, instances, image)
    else:
        semantic, instances = paint_instances(semantic, source.instances, source.image)
    id_map, segments = merge_maps(semantic, instances, is_thing, void, source.semantic)
    measured = [d | segments[d['id'] - 1] for d in measure_segments(id_map).describe()]
    name = Path(source.file_name).with_suffix('').as_posix()
    annotation = dict(image_id=name, file_name=f'{name}.png', segments_info=measured)
    return Converted(
        image.entry(name, source.file_name), annotation, encode_png(ids_to_bgr(id_map))
    )


def convert_maps(
    files: MapFiles,
    categories_file: Path,
    out: Path,
    name: str,
    void: int = 255,
    workers: int = 1,
    overwrite: bool = False,
) -> bool:
    """Write the annotations of one split.

    Args:
        files: Images and maps.
        categories_file: JSON file of the categories.
        out: Folder to write.
        name: Split, part of the written names.
        void: Semantic value of no category.
        workers: Number of processes.
        overwrite: Whether to do all images anew, and to replace files of another content.

    Returns:
        Whether all went well; otherwise each failed image was named.

    Raises:
        FileExistsError: Files of another content are there.
        FileNotFoundError: There are no images, or no such JSON file.
        ValueError: The categories, the names of the images or COCO's JSON cannot be used, or no
            image has a single object.
    """
    categories = read_categories(categories_file, void)
    is_thing = {category['id']: bool(category['isthing']) for category in categories}
    path = out / f'panoptic_{name}.json'
    split = Split(path, out / path.stem, categories)
    process = partial(convert_image, is_thing=is_thing, void=void)
    sources = find_sources(files, categories)
    if not convert_split(split, sources, process, workers, overwrite):
        return False
    segments = (s for a in read_json(path)['annotations'] for s in a['segments_info'])
    if not any(is_thing[s['category_id']] and not s['iscrowd'] for s in segments):
        raise ValueError(
            f'{path} is written, but it has no single object: in {files.semantic} no pixel has the '
            f'id of a thing, or {files.instances} is 0 there; {void} is void, see --void; convert '
            f'the corrected maps with --overwrite'
        )
    return True
