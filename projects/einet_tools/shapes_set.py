"""What a finished set of synthetic shapes looks like, so that one that is there is seen at once."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SPLITS = ('train', 'val')
PARAMETERS_FILE = 'shapes_parameters.json'


@dataclass(frozen=True)
class ShapesParameters:
    """What a set is made with.

    Args:
        train: Training images.
        val: Validation images.
        size: Side of the images in pixels, at least 32.
        max_instances: Most things in an image.
        seed: Another seed gives another set.
        version: Raised when the same parameters give other files.
        colored: Every shape in every color is a class: 16 of things, some of them rare, in place
            of 4.
    """

    train: int = 1000
    val: int = 60
    size: int = 128
    max_instances: int = 30
    seed: int = 0
    version: int = 1
    colored: bool = False

    def recorded(self) -> dict[str, Any]:
        """What a set's files say of it; plain ones are older than ``colored``."""
        record = asdict(self)
        if not self.colored:
            del record['colored']
        return record


def annotation_file(out: Path, split: str) -> Path:
    """The JSON of a split; beside it, a folder of the same name holds its maps.

    Args:
        out: Folder of the set.
        split: ``train`` or ``val``.
    """
    return out / f'annotations/panoptic_{split}.json'


def is_complete(out: Path, split: str, parameters: ShapesParameters) -> bool:
    """Whether a split was written to its end with these parameters.

    Args:
        out: Folder of the set.
        split: ``train`` or ``val``.
        parameters: What it is to hold.
    """
    path = annotation_file(out, split)
    content = _read(path)
    if content is None:
        return False
    made_with = {key: value for key, value in content['info'].items() if key != 'description'}
    names = {p.name for p in (out / split).glob('*.jpg')}
    masks = {p.name for p in path.with_suffix('').glob('*.png')}
    return (
        made_with == parameters.recorded()
        and {i['file_name'] for i in content['images']} <= names
        and {a['file_name'] for a in content['annotations']} <= masks
    )


def is_finished(out: Path, parameters: ShapesParameters) -> bool:
    """Whether a folder holds the whole set of these parameters.

    Args:
        out: Folder of the set.
        parameters: What it is to hold.
    """
    return _read(out / PARAMETERS_FILE) == parameters.recorded() and all(
        is_complete(out, split, parameters) for split in SPLITS
    )


def _read(path: Path) -> Any:
    """Content of a JSON file; None where there is none, or what is there is none."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None
