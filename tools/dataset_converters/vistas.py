#!/usr/bin/env python
"""Checks Mapillary Vistas v1.2 and lists it in COCO's panoptic format.

Reads the release as it is unpacked; of release 2.0, the folders v1.2 with the same classes:

ROOT/
  training/images/KEY.jpg                    validation/images/...
  training/panoptic/panoptic_2018.json       or training/v1.2/panoptic/panoptic_2018.json
  training/panoptic/KEY.png                  ids as colors

The release's PNGs are what VistasPanopticDataset reads: they are checked, not copied. Writes

  vistas_panoptic_{train,val}.json

with the names of the images as they are on disk and with sizes, areas and boxes as measured; 37
thing and 28 stuff classes, Unlabeled is void. `instances`, `labels` and config.json are not needed.

    python tools/dataset_converters/vistas.py data/vistas
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from converter_run import add_arguments, run_splits
from panoptic_files import check_image, measure_annotation, read_json
from panoptic_split import Converted, Split, convert_split

from einet.datasets import VistasPanopticDataset

SPLITS = {'train': ('training', 18000), 'val': ('validation', 2000)}
ANNOTATION_FOLDERS = ('panoptic', 'v1.2/panoptic')
JSON_NAME = 'panoptic_2018.json'
CLASSES = {
    name: key == 'thing_classes'
    for key in ('thing_classes', 'stuff_classes')
    for name in VistasPanopticDataset.METAINFO[key]
}


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('root', type=Path, help='folder of training and validation')
    parser.add_argument(
        '--splits', nargs='+', choices=SPLITS, default=list(SPLITS), help='train and val'
    )
    add_arguments(parser)
    return parser.parse_args(argv)


def find_annotations(folder: Path) -> Path:
    """The panoptic folder of a split, relative to the split's folder."""
    for name in ANNOTATION_FOLDERS:
        if (folder / name / JSON_NAME).is_file():
            return Path(name)
    places = ' or '.join(str(folder / name / JSON_NAME) for name in ANNOTATION_FOLDERS)
    raise FileNotFoundError(
        f'{places} is missing; the panoptic annotations come with release 1.2 and later'
    )


def check_categories(categories: list[dict[str, Any]], path: Path) -> None:
    """Raise ValueError when the categories are not those of v1.2."""
    found = {category['name']: bool(category['isthing']) for category in categories}
    wrong = {name for name, _ in found.items() ^ CLASSES.items()}
    if wrong:
        raise ValueError(
            f'{path} has not the 65 classes of Mapillary Vistas v1.2 (37 of them things); they '
            f'differ in {sorted(wrong)[:10]}. In release 2.0, the folders v1.2 have them'
        )


def convert(
    annotation: dict[str, Any], folder: Path, panoptic: Path, category_ids: frozenset[int]
) -> Converted:
    """Check one image and measure its segments.

    Args:
        annotation: of the release.
        folder: of the split.
        panoptic: folder of the PNGs, relative to `folder`.
        category_ids: those that segments may have.

    Returns:
        Its entries; ``file_name`` of the annotation is relative to `folder`.
    """
    wrong = {s['category_id'] for s in annotation['segments_info']} - category_ids
    if wrong:
        raise ValueError(
            f'{folder / panoptic / JSON_NAME}: annotation {annotation["file_name"]} has segments '
            f'of categories {sorted(wrong)}, which the file does not list'
        )
    photo = check_image(folder / 'images' / f'{Path(annotation["file_name"]).stem}.jpg')
    # A name relative to the split's folder: one config serves both layouts.
    named = dict(
        image_id=annotation['image_id'],
        file_name=str(panoptic / annotation['file_name']),
        segments_info=annotation['segments_info'],
    )
    measured = measure_annotation(folder / named['file_name'], named, photo)
    image = dict(
        id=annotation['image_id'],
        file_name=photo.path.name,
        width=photo.width,
        height=photo.height,
    )
    return Converted(image, measured, png=None)


def convert_one(root: Path, name: str, workers: int, overwrite: bool) -> bool:
    """Write one split; whether all went well."""
    folder_name, count = SPLITS[name]
    folder = root / folder_name
    panoptic = find_annotations(folder)
    path = folder / panoptic / JSON_NAME
    content = read_json(path)
    categories = content['categories']
    check_categories(categories, path)
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
    process = partial(convert, folder=folder, panoptic=panoptic, category_ids=category_ids)
    return convert_split(split, sources, process, workers, overwrite)


def main(argv: list[str] | None = None) -> None:
    """Write the splits, or the parts of them that are missing."""
    args = parse_args(argv)
    options = dict(workers=args.workers, overwrite=args.overwrite)
    run_splits(args.splits, lambda name: convert_one(args.root, name, **options))


if __name__ == '__main__':
    main()
