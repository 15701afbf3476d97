"""The record of what is done: an interrupted conversion goes on where it stopped.

It is the annotation file when that is there, else ``<json>.partial``: a line of categories, then a
line per image.
"""

import json
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ...structures.files import read_json, write_file, write_new

#: An image's entries in the JSON: that of ``images``, that of ``annotations``.
Entries = list[dict[str, Any]]


@dataclass(frozen=True)
class Split:
    """Where a split is written.

    Args:
        json: Annotation file.
        png_folder: What the annotations' ``file_name`` is relative to.
        categories: Categories of the JSON.
    """

    json: Path
    png_folder: Path
    categories: list[dict[str, Any]]

    @property
    def journal(self) -> Path:
        """What is done so far; its first line are the categories."""
        return self.json.with_name(f'{self.json.name}.partial')


def read_done(split: Split, image_ids: Iterable[Hashable]) -> dict[Hashable, Entries]:
    """Read what earlier calls have done.

    Args:
        split: Where they wrote.
        image_ids: Images of the split.

    Returns:
        Entries by image id.

    Raises:
        FileExistsError: The JSON is there, of other images or categories, or the journal, of
            other categories.
    """
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


def begin_journal(split: Split, done: Mapping[Hashable, Entries]) -> TextIO:
    """Write the journal anew with what is done.

    Args:
        split: Where to write.
        done: Entries by image id.

    Returns:
        The journal; more can be added with :func:`add_to_journal`.
    """
    lines = [json.dumps(entry) + '\n' for entry in [split.categories, *done.values()]]
    write_file(split.journal, ''.join(lines).encode())
    return split.journal.open('a')


def add_to_journal(journal: TextIO, entries: Entries) -> None:
    """Add an image, so that it outlives the process."""
    journal.write(json.dumps(entries) + '\n')
    journal.flush()


def finish(split: Split, images: Entries, annotations: Entries, overwrite: bool) -> None:
    """Write the annotation file, and remove the journal.

    Args:
        split: Where to write.
        images: Entries of ``images``.
        annotations: Entries of ``annotations``.
        overwrite: Whether a file with another content may be replaced.

    Raises:
        FileExistsError: It may not.
    """
    content = dict(images=images, annotations=annotations, categories=split.categories)
    # Another tool, as cityscapesScripts, may have written the same in another layout.
    if not (split.json.exists() and read_json(split.json) == content):
        write_output(split.json, json.dumps(content).encode(), overwrite)
    split.journal.unlink()
    segments = sum(len(annotation['segments_info']) for annotation in annotations)
    print(f'{split.json}: complete, {len(images)} images, {segments} segments', flush=True)


def write_output(path: Path, content: bytes, overwrite: bool) -> None:
    """Write a converted file.

    Args:
        path: File to write.
        content: Bytes to write.
        overwrite: Whether a file with another content may be replaced.

    Raises:
        FileExistsError: It may not.
    """
    if overwrite:
        write_file(path, content)
        return
    try:
        write_new(path, content)
    except FileExistsError as error:
        raise FileExistsError(f'{error}, or replace it by --overwrite') from error
