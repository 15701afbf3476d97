"""Converts the images of one split, and goes on where an earlier call stopped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.utils import ProgressBar

from ...structures.parallel import run_parallel
from .annotations import measure_annotation
from .command import report_errors
from .inputs import InputImage
from .record import (
    Entries,
    Split,
    add_to_journal,
    begin_journal,
    finish,
    read_done,
    write_output,
)


@dataclass(frozen=True)
class Converted:
    """One image.

    Args:
        image: Entry in the JSON: ``id``, ``file_name``, ``width``, ``height``.
        annotation: Entry in the JSON: ``image_id``, ``file_name``, ``segments_info``.
        png: Content of the PNG; None when the data set has it already.
    """

    image: dict[str, Any]
    annotation: dict[str, Any]
    png: bytes | None


def convert_split(
    split: Split,
    sources: Mapping[str, Any],
    convert: Callable[[Any], Converted],
    workers: int = 1,
    overwrite: bool = False,
) -> bool:
    """Convert all images of a split, or those that are not done yet.

    Args:
        split: Where to write.
        sources: What `convert` takes, by image id.
        convert: Makes one image; raises OSError or ValueError that names the file that is wrong.
            A function of a module, or a partial of one, because other processes call it.
        workers: Number of processes.
        overwrite: Whether to do all images anew, and to replace files of another content.

    Returns:
        Whether all went well. Otherwise each failed image was named, the others are done, and
        there is no JSON yet.

    Raises:
        FileExistsError: The JSON is there, of other images or categories.
        ValueError: There are no images.
    """
    if not sources:
        raise ValueError(f'{split.json}: no images were found')
    done = {} if overwrite else read_done(split, sources.keys())
    tasks = [(source, done.get(image_id)) for image_id, source in sources.items()]
    process = partial(_process, convert=convert, folder=split.png_folder, overwrite=overwrite)
    images, annotations, errors = [], [], []
    print(f'{split.json}: {len(tasks)} images, {len(done)} of them done before', flush=True)
    progress = ProgressBar(len(tasks))
    with begin_journal(split, done) as journal:
        for result in run_parallel(process, tasks, workers):
            progress.update()
            if isinstance(result, str):
                errors.append(result)
                continue
            image, annotation = result
            images.append(image)
            annotations.append(annotation)
            if image['id'] not in done:
                add_to_journal(journal, result)
    print(flush=True)
    if errors:
        report_errors(errors, len(tasks))
        return False
    finish(split, images, annotations, overwrite)
    return True


def _process(
    task: tuple[Any, Entries | None],
    convert: Callable[[Any], Converted],
    folder: Path,
    overwrite: bool,
) -> Entries | str:
    """Entries of one image in the JSON, or what is wrong with it."""
    source, done = task
    try:
        if done is not None and _is_intact(folder, *done):
            return done
        converted = convert(source)
        if converted.png is not None:
            path = folder / converted.annotation['file_name']
            write_output(path, converted.png, overwrite or done is not None)
        return [converted.image, converted.annotation]
    except (OSError, ValueError) as error:
        return str(error)


def _is_intact(folder: Path, image: Mapping[str, Any], annotation: Mapping[str, Any]) -> bool:
    """Whether the PNG is there, whole, and what the entries say."""
    try:
        path = folder / annotation['file_name']
        size = InputImage(Path(image['file_name']), image['width'], image['height'])
        return measure_annotation(path, annotation, size) == annotation
    except (OSError, ValueError):
        return False
