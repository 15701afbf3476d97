"""Written predictions against what test servers ask for: say what is wrong, then zip.

Sources: cocodataset.org, pages `upload` and `format-results`; the heads of cityscapesScripts'
``evalPanopticSemanticLabeling``, ``evalInstanceLevelSemanticLabeling`` and
``evalPixelLevelSemanticLabeling``.
"""

import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..structures.files import read_json, read_png
from ..structures.id_map import read_id_map

#: Name in the zip, file on disk.
Entry = tuple[str, Path]


@dataclass(frozen=True)
class ImageList:
    """The images of a test set.

    Args:
        sizes: (height, width) by image id.
        categories: Name by category id.
    """

    sizes: Mapping[int | str, tuple[int, int]]
    categories: Mapping[int, str]


@dataclass(frozen=True)
class Submission:
    """What goes into a zip, and why the server would refuse it.

    Args:
        entries: Files of the zip.
        problems: One line each; none when all is well.
    """

    entries: Sequence[Entry]
    problems: Sequence[str]


def read_image_list(path: Path) -> ImageList:
    """Read the images and categories of an annotation file in COCO's format.

    Args:
        path: JSON with ``images`` and ``categories``; annotations are not looked at.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file has no images or is not in COCO's format.
    """
    content = read_json(path)
    try:
        sizes = {image['id']: (image['height'], image['width']) for image in content['images']}
        categories = {entry['id']: entry['name'] for entry in content.get('categories', [])}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not in COCO's format: {error!r}") from error
    if not sizes:
        raise ValueError(f'{path}: `images` is empty')
    return ImageList(sizes, categories)


def panoptic_submission(prefix: str, images: ImageList, name: str) -> Submission:
    """Panoptic results for COCO's or Cityscapes' server: ``<name>.json`` and ``<name>/*.png``.

    Args:
        prefix: What ``outfile_prefix`` was.
        images: Test set's images; ``categories`` are the server's.
        name: Name in the zip.

    Raises:
        FileNotFoundError: Nothing was written with this prefix.
    """
    path, folder = Path(f'{prefix}.panoptic.json'), Path(f'{prefix}.panoptic')
    if not path.is_file():
        raise FileNotFoundError(f'there is no {path}: run tools/test.py with that outfile_prefix')
    content = read_json(path)
    problems = [
        f'category {category["id"]} is {category["name"]!r}, to the server it is '
        f'{images.categories.get(category["id"])!r}'
        for category in content['categories']
        if images.categories.get(category['id']) != category['name']
    ]
    found = [annotation['image_id'] for annotation in content['annotations']]
    problems += list(_coverage(found, images.sizes))
    entries = [(f'{name}.json', path)]
    for annotation in content['annotations']:
        png = folder / annotation['file_name']
        entries.append((f'{name}/{annotation["file_name"]}', png))
        size = images.sizes.get(annotation['image_id'])
        problems += [
            f'{png}: {problem}' for problem in _png_problems(annotation, png, size, images)
        ]
    return Submission(entries, problems)


def instance_submission(prefix: str, images: ImageList) -> Submission:
    """Instances for Cityscapes' server: ``<image>*.txt`` with masks beside it.

    Args:
        prefix: What ``outfile_prefix`` was.
        images: Test set's images; ``categories`` are those of instances, by label id.

    Raises:
        FileNotFoundError: Nothing was written with this prefix.
    """
    texts, problems = _files_of_images(Path(f'{prefix}.instances'), images, '.txt')
    entries: list[Entry] = []
    for image_id, path in texts:
        entries.append((path.name, path))
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                file_name, label_id, score = line.split(' ')
                valid = int(label_id) in images.categories and np.isfinite(float(score))
            except ValueError:
                valid = False
            if not valid or '/' in file_name:
                problems.append(f'{path}, line {number} is not `mask labelId score`: {line!r}')
                continue
            mask = path.with_name(file_name)
            entries.append((mask.name, mask))
            problems += [f'{mask}: {p}' for p in _image_problems(mask, images.sizes[image_id])]
    return Submission(entries, problems)


def semantic_submission(prefix: str, images: ImageList) -> Submission:
    """Label ids of pixels for Cityscapes' server: ``<image>*.png``.

    Args:
        prefix: What ``outfile_prefix`` was.
        images: Test set's images; ``categories`` by label id.

    Raises:
        FileNotFoundError: Nothing was written with this prefix.
    """
    pngs, problems = _files_of_images(Path(f'{prefix}.semantic'), images, '.png')
    for image_id, path in pngs:
        found = list(_image_problems(path, images.sizes[image_id]))
        if not found:
            ids = np.unique(read_png(str(path))).tolist()
            wrong = [label_id for label_id in ids if label_id not in images.categories]
            found = [f'has label ids {wrong}, which are not evaluated'] if wrong else []
        problems += [f'{path}: {problem}' for problem in found]
    return Submission([(path.name, path) for _, path in pngs], problems)


def write_zip(path: Path, entries: Sequence[Entry]) -> None:
    """Zip files; PNGs are compressed already and only stored.

    Args:
        path: Zip file.
        entries: Names in the zip and files on disk.

    Raises:
        FileExistsError: There is such a zip; it is left as it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, 'x') as archive:
        for name, file in entries:
            kind = zipfile.ZIP_STORED if file.suffix == '.png' else zipfile.ZIP_DEFLATED
            archive.write(file, name, kind)


def _coverage(found: Sequence[int | str], wanted: Collection[int | str]) -> Iterator[str]:
    """Every image once, and no other."""
    predicted = set(found)
    missing = [image_id for image_id in wanted if image_id not in predicted]
    foreign = [image_id for image_id in predicted if image_id not in wanted]
    if missing:
        yield f'{len(missing)} images of the list have no prediction, for example {missing[0]!r}'
    if foreign:
        yield f'{len(foreign)} predictions are of other images, for example {foreign[0]!r}'
    if len(predicted) < len(found):
        yield f'{len(found) - len(predicted)} images are predicted twice'


def _png_problems(
    annotation: Mapping[str, Any], path: Path, size: tuple[int, int] | None, images: ImageList
) -> Iterator[str]:
    try:
        id_map = read_id_map(str(path))
    except (FileNotFoundError, ValueError) as error:
        yield str(error)
        return
    if size is not None and id_map.shape != size:
        yield _size_message(id_map, size)
    segments = annotation['segments_info']
    listed = [segment['id'] for segment in segments]
    drawn = set(np.unique(id_map).tolist()) - {0}
    if len(set(listed)) < len(listed) or set(listed) != drawn:
        yield f'ids in the PNG and in the JSON differ: {sorted(drawn ^ set(listed))[:5]}'
    unknown = {segment['category_id'] for segment in segments} - set(images.categories)
    if unknown:
        yield f'has category ids {sorted(unknown)}, which the server does not know'


def _files_of_images(
    folder: Path, images: ImageList, ending: str
) -> tuple[list[tuple[int | str, Path]], list[str]]:
    """The one file of each image, as Cityscapes' scripts find it: by the start of its name."""
    if not folder.is_dir():
        raise FileNotFoundError(f'there is no {folder}: run tools/test.py with that outfile_prefix')
    by_image: dict[str, list[Path]] = {}
    for path in sorted(folder.glob(f'*{ending}')):
        by_image.setdefault('_'.join(path.stem.split('_')[:3]), []).append(path)
    pairs = [(i, by_image[str(i)][0]) for i in images.sizes if str(i) in by_image]
    problems = list(_coverage([image_id for image_id, _ in pairs], images.sizes))
    problems += [
        f'{[p.name for p in by_image[str(i)][:3]]} are all of image {i}; one is wanted'
        for i, _ in pairs
        if len(by_image[str(i)]) > 1
    ]
    return pairs, problems


def _image_problems(path: Path, size: tuple[int, int]) -> Iterator[str]:
    image = read_png(str(path)) if path.is_file() else None
    if image is None:
        yield 'is missing or cannot be decoded'
    elif image.ndim != 2:
        yield 'has several channels; one is wanted'
    elif image.shape != size:
        yield _size_message(image, size)


def _size_message(image: NDArray[np.generic], size: tuple[int, int]) -> str:
    return (
        f'has {image.shape[1]} x {image.shape[0]} pixels, its image {size[1]} x {size[0]} '
        f'(width x height)'
    )
