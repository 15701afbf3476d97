#!/usr/bin/env python
"""Makes Cityscapes' panoptic annotations with cityscapesScripts' own createPanopticImgs.

Reads, as the two archives leave them (leftImg8bit_trainvaltest.zip, gtFine_trainvaltest.zip):

ROOT/
  leftImg8bit/{train,val,test}/CITY/CITY_000000_000019_leftImg8bit.png
  gtFine/{train,val}/CITY/CITY_000000_000019_gtFine_instanceIds.png

Writes what CityscapesPanopticDataset reads (19 classes, 8 of them things; groups such as cargroup
are crowd):

  gtFine/cityscapes_panoptic_{train,val}.json
  gtFine/cityscapes_panoptic_{train,val}/CITY_000000_000019_gtFine_panoptic.png
  gtFine/cityscapes_panoptic_test.json      the images alone; the test split has no annotations

Files are the same as `csCreatePanopticImgs` makes them, but several images are made at once, and
an interrupted call goes on where it stopped.

    python tools/dataset_converters/cityscapes.py data/cityscapes
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from converter_run import add_arguments, report, run_parallel, run_splits
from panoptic_files import check_image, check_size, read_label_map, write_file
from panoptic_split import Converted, Split, convert_split

try:
    from cityscapesscripts.helpers.labels import id2label, labels
    from cityscapesscripts.preparation.createPanopticImgs import convert2panoptic
except ImportError:
    sys.exit('cityscapesscripts is missing: pip install cityscapesscripts')

SPLITS = {'train': 2975, 'val': 500, 'test': 1525}
IMAGE, INSTANCES = '_leftImg8bit.png', '_gtFine_instanceIds.png'
# As convert2panoptic writes them.
CATEGORIES = [
    dict(
        id=label.id,
        name=label.name,
        color=list(label.color),
        supercategory=label.category,
        isthing=int(label.hasInstances),
    )
    for label in labels
    if not label.ignoreInEval
]


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('root', type=Path, help='folder of leftImg8bit and gtFine')
    parser.add_argument(
        '--splits', nargs='+', choices=SPLITS, default=['train', 'val'], help='train and val'
    )
    add_arguments(parser)
    return parser.parse_args(argv)


def find_images(root: Path, split: str) -> dict[str, Path]:
    """Images of a split by image id, as aachen_000000_000019."""
    folder = root / 'leftImg8bit' / split
    found = {path.name.removesuffix(IMAGE): path for path in folder.glob(f'*/*{IMAGE}')}
    if not found:
        raise FileNotFoundError(
            f'{folder} has no */*{IMAGE}; unpack leftImg8bit_trainvaltest.zip into {root}'
        )
    return dict(sorted(found.items()))


def find_annotations(root: Path, split: str) -> dict[str, Path]:
    """Maps of instances of a split by image id; each image has one."""
    folder = root / 'gtFine' / split
    found = {path.name.removesuffix(INSTANCES): path for path in folder.glob(f'*/*{INSTANCES}')}
    images = find_images(root, split)
    for name, first, second in (
        (f'{folder} lacks maps *{INSTANCES}', images, found),
        (f'{root / "leftImg8bit" / split} lacks images', found, images),
    ):
        missing = sorted(first.keys() - second.keys())
        if missing:
            raise FileNotFoundError(
                f'{name} of {len(missing)} images, for example {missing[0]}; unpack '
                f'leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip into {root}'
            )
    return dict(sorted(found.items()))


def convert(instances: Path) -> Converted:
    """Give one map of instances to cityscapesScripts, in a folder that has nothing else."""
    city, split, root = instances.parent.name, instances.parents[1].name, instances.parents[3]
    image = root / 'leftImg8bit' / split / city / instances.name.replace(INSTANCES, IMAGE)
    id_map = read_label_map(instances)
    check_size(instances, id_map, check_image(image))
    ids = {i // 1000 if i >= 1000 else i for i in np.unique(id_map).tolist()}
    unknown = sorted(ids - id2label.keys())
    if unknown:
        raise ValueError(f'{instances} has ids that are no labels of Cityscapes: {unknown[:10]}')
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / 'gtFine' / split / city, Path(folder) / 'out'
        source.mkdir(parents=True)
        out.mkdir()
        (source / instances.name).symlink_to(instances.resolve())
        with contextlib.redirect_stdout(io.StringIO()):
            convert2panoptic(str(source.parents[1]), str(out), False, [split])
        name = f'cityscapes_panoptic_{split}'
        content = json.loads((out / f'{name}.json').read_text())
        annotation = content['annotations'][0]
        png = (out / name / annotation['file_name']).read_bytes()
    return Converted(content['images'][0], annotation, png)


def describe_image(image: Path) -> dict[str, object] | str:
    """Entry of a test image in the JSON, or what is wrong with it."""
    try:
        _, width, height = check_image(image)
    except (OSError, ValueError) as error:
        return str(error)
    image_id = image.name.removesuffix(IMAGE)
    return dict(id=image_id, file_name=f'{image_id}_gtFine{IMAGE}', width=width, height=height)


def list_images(path: Path, paths: dict[str, Path], workers: int, overwrite: bool) -> bool:
    """Write the JSON of a split without annotations."""
    images = list(run_parallel(describe_image, paths.values(), workers))
    errors = [image for image in images if isinstance(image, str)]
    if errors:
        report(errors, len(images))
        return False
    content = dict(images=images, categories=CATEGORIES)
    write_file(path, json.dumps(content).encode(), overwrite)
    print(f'{path}: complete, {len(images)} images without annotations', flush=True)
    return True


def convert_one(root: Path, name: str, workers: int, overwrite: bool) -> bool:
    """Write one split; whether all went well."""
    folder = root / 'gtFine'
    path = folder / f'cityscapes_panoptic_{name}.json'
    sources = find_images(root, name) if name == 'test' else find_annotations(root, name)
    if len(sources) != SPLITS[name]:
        print(f'{name}: {len(sources)} images; Cityscapes has {SPLITS[name]}')
    if name == 'test':
        return list_images(path, sources, workers, overwrite)
    split = Split(path, folder / path.stem, CATEGORIES)
    return convert_split(split, sources, convert, workers, overwrite)


def main(argv: list[str] | None = None) -> None:
    """Write the splits, or the parts of them that are missing."""
    args = parse_args(argv)
    options = dict(workers=args.workers, overwrite=args.overwrite)
    run_splits(args.splits, lambda name: convert_one(args.root, name, **options))


if __name__ == '__main__':
    main()
