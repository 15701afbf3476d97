"""Mapillary Vistas v1.2: the release's own panoptic PNGs, checked and measured."""

from functools import partial
from pathlib import Path
from typing import Any

from ...structures.files import read_json
from ..rules import location_findings, raise_first
from ..vistas import VistasPanopticDataset
from .annotations import measure_annotation
from .inputs import read_image
from .record import Split
from .split import Converted, convert_split

SPLITS = {'train': ('training', 18000), 'val': ('validation', 2000)}
_ANNOTATION_FOLDERS = ('panoptic', 'v1.2/panoptic')
_JSON_NAME = 'panoptic_2018.json'
_CLASSES = {
    name: key == 'thing_classes'
    for key in ('thing_classes', 'stuff_classes')
    for name in VistasPanopticDataset.METAINFO[key]
}


def find_annotations(folder: Path) -> Path:
    """The panoptic folder of a split, relative to the split's folder."""
    for name in _ANNOTATION_FOLDERS:
        if (folder / name / _JSON_NAME).is_file():
            return Path(name)
    places = ' or '.join(str(folder / name / _JSON_NAME) for name in _ANNOTATION_FOLDERS)
    raise FileNotFoundError(
        f'{places} is missing; the panoptic annotations come with release 1.2 and later'
    )


def check_categories(categories: list[dict[str, Any]], path: Path) -> None:
    """Raise ValueError when the categories are not those of v1.2."""
    found = {category['name']: bool(category['isthing']) for category in categories}
    wrong = {name for name, _ in found.items() ^ _CLASSES.items()}
    if wrong:
        raise ValueError(
            f'{path} has not the 65 classes of Mapillary Vistas v1.2 (37 of them things); they '
            f'differ in {sorted(wrong)[:10]}. In release 2.0, the folders v1.2 have them'
        )


def convert_image(
    annotation: dict[str, Any], folder: Path, panoptic: Path, category_ids: frozenset[int]
) -> Converted:
    """Check one image and measure its segments.

    Args:
        annotation: Entry in the release's JSON.
        folder: Folder of the split.
        panoptic: Folder of the PNGs, relative to `folder`.
        category_ids: Those that segments may have.

    Returns:
        Its entries; ``file_name`` of the annotation is relative to `folder`.

    Raises:
        FileNotFoundError: The image or its PNG is missing.
        ValueError: They are damaged or of different sizes, or the annotation does not fit.
    """
    wrong = {s['category_id'] for s in annotation['segments_info']} - category_ids
    if wrong:
        raise ValueError(
            f'{folder / panoptic / _JSON_NAME}: annotation {annotation["file_name"]} has segments '
            f'of categories {sorted(wrong)}, which the file does not list'
        )
    image = read_image(folder / 'images' / f'{Path(annotation["file_name"]).stem}.jpg')
    # A name relative to the split's folder: one config serves both layouts.
    named = dict(
        image_id=annotation['image_id'],
        file_name=str(panoptic / annotation['file_name']),
        segments_info=annotation['segments_info'],
    )
    measured = measure_annotation(folder / named['file_name'], named, image)
    return Converted(image.entry(annotation['image_id'], image.path.name), measured, png=None)


def convert_vistas(root: Path, name: str, workers: int = 1, overwrite: bool = False) -> bool:
    """Write the annotations of one split.

    Args:
        root: Folder of training and validation.
        name: Split, a key of `SPLITS`.
        workers: Number of processes.
        overwrite: Whether to do all images anew, and to replace files of another content.

    Returns:
        Whether all went well; otherwise each failed image was named.

    Raises:
        FileExistsError: Files of another content are there.
        FileNotFoundError: The release's JSON is missing.
        ValueError: The JSON has other classes, lacks images, or names files outside its folder.
    """
    folder_name, count = SPLITS[name]
    folder = root / folder_name
    panoptic = find_annotations(folder)
    path = folder / panoptic / _JSON_NAME
    content = read_json(path)
    categories = content['categories']
    check_categories(categories, path)
    raise_first(location_findings(a['file_name'] for a in content['annotations']), file=str(path))
    sources = {annotation['image_id']: annotation for annotation in content['annotations']}
    images = {image.stem for image in (folder / 'images').glob('*.jpg')}
    without = images - {Path(a['file_name']).stem for a in sources.values()}
    if without:
        raise ValueError(
            f'{path} lacks {len(without)} images of {folder / "images"}, for example '
            f'{sorted(without)[0]}.jpg'
        )
    if len(sources) != count:
        print(f'{name}: {len(sources)} images; Mapillary Vistas has {count}')
    split = Split(root / f'vistas_panoptic_{name}.json', folder, categories)
    category_ids = frozenset(category['id'] for category in categories)
    process = partial(convert_image, folder=folder, panoptic=panoptic, category_ids=category_ids)
    return convert_split(split, sources, process, workers, overwrite)
