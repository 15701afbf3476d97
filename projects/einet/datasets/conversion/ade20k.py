"""ADE20K: stuff of the semantic maps, and the instances of ChallengeData2017 over it.

Shape shorthand:
    H, W: image
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...structures.files import encode_png
from ...structures.id_map import ids_to_bgr
from ...structures.segment_pixels import measure_segments
from ..ade20k import SEMANTIC_INDEX, ADE20K150PanopticDataset
from .inputs import check_size, read_colors, read_image, read_label_map
from .record import Split
from .split import Converted, convert_split

SPLITS = {'train': ('training', 20210), 'val': ('validation', 2000)}
_META = ADE20K150PanopticDataset.METAINFO
THING_IDS = SEMANTIC_INDEX[: len(_META['thing_classes'])]
# Things first: mmdet's data sets take labels from the order of the file.
CATEGORIES = [
    dict(id=category_id, name=name, isthing=int(category_id in THING_IDS), color=list(color))
    for category_id, name, color in zip(
        SEMANTIC_INDEX,
        (*_META['thing_classes'], *_META['stuff_classes']),
        _META['palette'],
        strict=True,
    )
]


def merge_maps(
    semantic: NDArray[np.integer], instances: NDArray[np.integer], path: Path
) -> tuple[NDArray[np.integer], Mapping[int, int]]:
    """One map of segments: stuff, and instances over it.

    Args:
        semantic: (H, W) integer in 0..150, 0 = void.
        instances: (H, W, 2) integer, class 1..100 and number of an instance; number 0 is none.
        path: Map of instances, for the message.

    Returns:
        (H, W) ids from 1, 0 = void, and the category id of each.

    Raises:
        ValueError: An instance has several classes, or one out of range.
    """
    is_stuff = np.ones(len(SEMANTIC_INDEX) + 1, bool)
    is_stuff[[0, *(i + 1 for i in THING_IDS)]] = False
    id_map = np.where(is_stuff[semantic], semantic, 0).astype(np.int32)
    categories = {int(i): int(i) - 1 for i in np.unique(id_map) if i > 0}
    classes, numbers = instances[..., 0].astype(np.int32), instances[..., 1].astype(np.int32)
    pairs = np.unique((numbers * 256 + classes)[numbers > 0])
    found, counts = np.unique(pairs // 256, return_counts=True)
    if (counts > 1).any():
        raise ValueError(f'{path}: instance {found[counts > 1][0]} has several classes')
    of_class = pairs % 256
    wrong = set(of_class.tolist()) - set(range(1, len(THING_IDS) + 1))
    if wrong:
        raise ValueError(f'{path} has instances of classes {sorted(wrong)}; they are 1 to 100')
    # Ids after those of stuff.
    id_map = np.where(numbers > 0, numbers + len(SEMANTIC_INDEX), id_map)
    for number, thing in zip(found.tolist(), of_class.tolist(), strict=True):
        categories[number + len(SEMANTIC_INDEX)] = THING_IDS[thing - 1]
    return id_map, categories


def convert_image(path: Path) -> Converted:
    """Merge the two maps of one image.

    Args:
        path: Image, ``ROOT/images/SPLIT/NAME.jpg``.

    Returns:
        Its entries and its PNG.

    Raises:
        FileNotFoundError: A map is missing.
        ValueError: A file is damaged, or has another size or other values than it should.
    """
    root, split, name = path.parents[2], path.parent.name, f'{path.stem}.png'
    image = read_image(path)
    semantic_path = root / 'annotations' / split / name
    instances_path = root / 'annotations_instance' / split / name
    semantic, instances = read_label_map(semantic_path), read_colors(instances_path)
    check_size(semantic_path, semantic, image)
    check_size(instances_path, instances, image)
    if semantic.max() > len(SEMANTIC_INDEX):
        raise ValueError(f'{semantic_path} has the value {semantic.max()}; classes are 0 to 150')
    id_map, categories = merge_maps(semantic, instances[..., :2], instances_path)
    segments = [
        segment | dict(category_id=categories[segment['id']], iscrowd=0)
        for segment in measure_segments(id_map).describe()
    ]
    annotation = dict(image_id=path.stem, file_name=name, segments_info=segments)
    entry = image.entry(path.stem, path.name)
    return Converted(entry, annotation, encode_png(ids_to_bgr(id_map)))


def convert_ade20k(root: Path, name: str, workers: int = 1, overwrite: bool = False) -> bool:
    """Write the annotations of one split.

    Args:
        root: Folder of images and annotations.
        name: Split, a key of `SPLITS`.
        workers: Number of processes.
        overwrite: Whether to do all images anew, and to replace files of another content.

    Returns:
        Whether all went well; otherwise each failed image was named.

    Raises:
        FileExistsError: Files of another content are there.
        FileNotFoundError: Images or instances are missing.
    """
    folder, count = SPLITS[name]
    images = sorted((root / 'images' / folder).glob('*.jpg'))
    if not images:
        raise FileNotFoundError(
            f'{root / "images" / folder} has no images; ROOT is the folder that '
            f'ADEChallengeData2016.zip unpacks to'
        )
    if not (root / 'annotations_instance' / folder).is_dir():
        raise FileNotFoundError(
            f'{root / "annotations_instance" / folder} is missing; unpack '
            f'annotations_instance.tar of ChallengeData2017 into {root}'
        )
    if len(images) != count:
        print(f'{name}: {len(images)} images; ADE20K has {count}')
    path = root / f'ade20k_panoptic_{name}.json'
    split = Split(path, root / path.stem, CATEGORIES)
    sources = {image.stem: image for image in images}
    return convert_split(split, sources, convert_image, workers, overwrite)
