"""Cityscapes: cityscapesScripts' own createPanopticImgs, image by image."""

import contextlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from cityscapesscripts.helpers.labels import id2label, labels
from cityscapesscripts.preparation.createPanopticImgs import convert2panoptic

from ...structures.parallel import run_parallel
from .command import report_errors
from .inputs import check_size, read_image, read_label_map
from .record import Split, write_output
from .split import Converted, convert_split

SPLITS = {'train': 2975, 'val': 500, 'test': 1525}
_IMAGE, _INSTANCES = '_leftImg8bit.png', '_gtFine_instanceIds.png'
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


def find_images(root: Path, split: str) -> dict[str, Path]:
    """Images of a split by image id, as aachen_000000_000019."""
    folder = root / 'leftImg8bit' / split
    found = {path.name.removesuffix(_IMAGE): path for path in folder.glob(f'*/*{_IMAGE}')}
    if not found:
        raise FileNotFoundError(
            f'{folder} has no */*{_IMAGE}; unpack leftImg8bit_trainvaltest.zip into {root}'
        )
    return dict(sorted(found.items()))


def find_annotations(root: Path, split: str) -> dict[str, Path]:
    """Maps of instances of a split by image id; each image has one."""
    folder = root / 'gtFine' / split
    found = {path.name.removesuffix(_INSTANCES): path for path in folder.glob(f'*/*{_INSTANCES}')}
    images = find_images(root, split)
    for name, first, second in (
        (f'{folder} lacks maps *{_INSTANCES}', images, found),
        (f'{root / "leftImg8bit" / split} lacks images', found, images),
    ):
        missing = sorted(first.keys() - second.keys())
        if missing:
            raise FileNotFoundError(
                f'{name} of {len(missing)} images, for example {missing[0]}; unpack '
                f'leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip into {root}'
            )
    return dict(sorted(found.items()))


def convert_image(instances: Path) -> Converted:
    """Give one map of instances to cityscapesScripts, in a folder that has nothing else.

    Args:
        instances: Map, ``ROOT/gtFine/SPLIT/CITY/*_gtFine_instanceIds.png``.

    Returns:
        The script's entries and its PNG.

    Raises:
        FileNotFoundError: The map or its image is missing.
        ValueError: They are damaged or of different sizes, or the map has unknown ids.
    """
    city, split, root = instances.parent.name, instances.parents[1].name, instances.parents[3]
    image = root / 'leftImg8bit' / split / city / instances.name.replace(_INSTANCES, _IMAGE)
    id_map = read_label_map(instances)
    check_size(instances, id_map, read_image(image))
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


def describe_image(path: Path) -> dict[str, Any] | str:
    """Entry of a test image in the JSON, or what is wrong with it."""
    try:
        image = read_image(path)
    except (OSError, ValueError) as error:
        return str(error)
    image_id = path.name.removesuffix(_IMAGE)
    return image.entry(image_id, f'{image_id}_gtFine{_IMAGE}')


def list_images(path: Path, paths: dict[str, Path], workers: int, overwrite: bool) -> bool:
    """Write the JSON of a split without annotations."""
    images = list(run_parallel(describe_image, paths.values(), workers))
    errors = [image for image in images if isinstance(image, str)]
    if errors:
        report_errors(errors, len(images))
        return False
    content = dict(images=images, categories=CATEGORIES)
    write_output(path, json.dumps(content).encode(), overwrite)
    print(f'{path}: complete, {len(images)} images without annotations', flush=True)
    return True


def convert_cityscapes(root: Path, name: str, workers: int = 1, overwrite: bool = False) -> bool:
    """Write the annotations of one split.

    Args:
        root: Folder of leftImg8bit and gtFine.
        name: Split, a key of `SPLITS`.
        workers: Number of processes.
        overwrite: Whether to do all images anew, and to replace files of another content.

    Returns:
        Whether all went well; otherwise each failed image was named.

    Raises:
        FileExistsError: Files of another content are there.
        FileNotFoundError: An image lacks its map, or a map its image.
    """
    folder = root / 'gtFine'
    path = folder / f'cityscapes_panoptic_{name}.json'
    sources = find_images(root, name) if name == 'test' else find_annotations(root, name)
    if len(sources) != SPLITS[name]:
        print(f'{name}: {len(sources)} images; Cityscapes has {SPLITS[name]}')
    if name == 'test':
        return list_images(path, sources, workers, overwrite)
    split = Split(path, folder / path.stem, CATEGORIES)
    return convert_split(split, sources, convert_image, workers, overwrite)
