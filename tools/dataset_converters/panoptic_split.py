"""Converts the images of one split, and goes on where an earlier call stopped.

A converter gives a function for one image. Here are the record of what is done
(``<json>.partial``, a line per image) and the annotation file, which is written last.
"""

import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from converter_run import report, run_parallel
from mmengine.utils import ProgressBar
from panoptic_files import ImageFile, measure_annotation, read_json, write_file


@dataclass(frozen=True)
class Converted:
    """One image.

    Args:
        image: its entry in the JSON: ``id``, ``file_name``, ``width``, ``height``.
        annotation: its entry in the JSON: ``image_id``, ``file_name``, ``segments_info``.
        png: content of the PNG; None when the data set has it already.
    """

    image: dict[str, Any]
    annotation: dict[str, Any]
    png: bytes | None


@dataclass(frozen=True)
class Split:
    """Where a split is written.

    Args:
        json: annotation file.
        png_folder: what the annotations' ``file_name`` is relative to.
        categories: of the JSON.
    """

    json: Path
    png_folder: Path
    categories: list[dict[str, Any]]

    @property
    def journal(self) -> Path:
        """What is done so far; its first line are the categories."""
        return self.json.with_name(f'{self.json.name}.partial')


def convert_split(
    split: Split,
    sources: Mapping[str, Any],
    convert: Callable[[Any], Converted],
    workers: int = 1,
    overwrite: bool = False,
) -> bool:
    """Convert all images of a split, or those that are not done yet.

    Args:
        split: where to write.
        sources: what `convert` takes, by image id.
        convert: makes one image; raises OSError or ValueError that names the file that is wrong.
            A function of a module, or a partial of one, because other processes call it.
        workers: number of processes.
        overwrite: do all images anew, and replace files of another content.

    Returns:
        Whether all went well. Otherwise each failed image was named, the others are done, and
        there is no JSON yet.

    Raises:
        FileExistsError: when the JSON is there, of other images or categories.
        ValueError: when there are no images.
    """
    if not sources:
        raise ValueError(f'{split.json}: no images were found')
    done = {} if overwrite else _read_done(split, sources.keys())
    tasks = [(source, done.get(image_id)) for image_id, source in sources.items()]
    process = partial(_process, convert=convert, folder=split.png_folder, overwrite=overwrite)
    images, annotations, errors = [], [], []
    print(f'{split.json}: {len(tasks)} images, {len(done)} of them done before', flush=True)
    progress = ProgressBar(len(tasks))
    with _begin_journal(split, done) as journal:
        for result in run_parallel(process, tasks, workers):
            progress.update()
            if isinstance(result, str):
                errors.append(result)
                continue
            image, annotation = result
            images.append(image)
            annotations.append(annotation)
            if image['id'] not in done:
                journal.write(json.dumps([image, annotation]) + '\n')
                journal.flush()
    print(flush=True)
    if errors:
        report(errors, len(tasks))
        return False
    content = dict(images=images, annotations=annotations, categories=split.categories)
    _write_json(split.json, content, overwrite)
    split.journal.unlink()
    return True


def _process(
    task: tuple[Any, list[Any] | None],
    convert: Callable[[Any], Converted],
    folder: Path,
    overwrite: bool,
) -> list[Any] | str:
    """Entries of one image in the JSON, or what is wrong with it."""
    source, done = task
    try:
        if done is not None and _is_intact(folder, *done):
            return done
        converted = convert(source)
        if converted.png is not None:
            path = folder / converted.annotation['file_name']
            write_file(path, converted.png, overwrite or done is not None)
        return [converted.image, converted.annotation]
    except (OSError, ValueError) as error:
        return str(error)


def _is_intact(folder: Path, image: Mapping[str, Any], annotation: Mapping[str, Any]) -> bool:
    """Whether the PNG is there, whole, and what the entries say."""
    try:
        path = folder / annotation['file_name']
        photo = ImageFile(Path(image['file_name']), image['width'], image['height'])
        return measure_annotation(path, annotation, photo) == annotation
    except (OSError, ValueError):
        return False


def _read_done(split: Split, image_ids: Iterable[Hashable]) -> dict[Hashable, list[Any]]:
    """Entries of the images that are done, by image id."""
    if split.json.exists():
        content = read_json(split.json)
        listed = {image['id'] for image in content.get('images', [])}
        if content.get('categories') != split.categories or listed != set(image_ids):
            raise FileExistsError(
                f'{split.json} exists with other categories or other images ({len(listed)}); '
                f'move it away, or replace it by --overwrite'
            )
        annotations = {a['image_id']: a for a in content['annotations']}
        return {i['id']: [i, annotations[i['id']]] for i in content['images']}
    if not split.journal.exists():
        return {}
    lines = split.journal.read_text().splitlines(keepends=True)
    # The last line is cut off when the process was killed while it wrote.
    whole = [json.loads(line) for line in lines if line.endswith('\n')]
    if whole[:1] != [split.categories]:
        raise FileExistsError(
            f'{split.journal} exists with other categories; remove it, or use --overwrite'
        )
    known = set(image_ids)
    return {entry[0]['id']: entry for entry in whole[1:] if entry[0]['id'] in known}


def _begin_journal(split: Split, done: Mapping[Hashable, list[Any]]) -> TextIO:
    """The journal, written anew with what is done; more lines can be added."""
    lines = [json.dumps(entry) + '\n' for entry in [split.categories, *done.values()]]
    write_file(split.journal, ''.join(lines).encode(), overwrite=True)
    return split.journal.open('a')


def _write_json(path: Path, content: dict[str, Any], overwrite: bool) -> None:
    # Another tool, as cityscapesScripts, may have written the same in another layout.
    if not (path.exists() and read_json(path) == content):
        write_file(path, json.dumps(content).encode(), overwrite)
    segments = sum(len(a['segments_info']) for a in content['annotations'])
    print(f'{path}: complete, {len(content["images"])} images, {segments} segments', flush=True)
