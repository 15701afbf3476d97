"""Trained models that ship with the project: found by name, their weights checked by a checksum."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

PACKAGE = Path(__file__).resolve().parents[1]
_CHECKSUM = 'Weights SHA-256'
_WAY_OUT = 'restore it (`git checkout weights`), or install the wheel anew'


def shipped_folder() -> Path:
    """Folder of the model index, to which its paths are relative.

    Returns:
        ``einet/.mim`` of an installed wheel, the repository of a checkout.

    Raises:
        FileNotFoundError: There is neither.
    """
    places = PACKAGE / '.mim', PACKAGE.parents[1]
    for folder in places:
        if (folder / 'model-index.yml').is_file():
            return folder
    raise FileNotFoundError(
        f'no model index in {places[0]} or {places[1]}: work in a checkout, or install the wheel'
    )


def locate_model(model: Any, weights: str | None = None) -> tuple[Any, str | None]:
    """Config file and weights of a model that the index names.

    Args:
        model: Name; a config file or anything else is given back as it is.
        weights: Checkpoint to take in place of the published weights.

    Returns:
        What to build the model from, and its checkpoint.

    Raises:
        FileNotFoundError: The published weights are missing.
        ValueError: They are damaged, or the index has none of this model.
    """
    if not isinstance(model, str) or Path(model).is_file():
        return model, weights
    folder = shipped_folder()
    models = _read_models(folder)
    entry = models.get(model.lower())
    if entry is None:
        return model, weights
    if weights is None:
        if 'Weights' not in entry:
            raise ValueError(
                f'{entry["Name"]} has no published weights, give a checkpoint. '
                f'Models with weights: {", ".join(published_names())}'
            )
        weights = str(_checked(folder / entry['Weights'], entry['Metadata'][_CHECKSUM]))
    return str(folder / entry['Config']), weights


def published_names() -> list[str]:
    """Names of the models whose weights ship with the project."""
    return [e['Name'] for e in _read_models(shipped_folder()).values() if 'Weights' in e]


def _read_models(folder: Path) -> dict[str, dict[str, Any]]:
    """Entries of the model index by their names in lower case."""
    files = yaml.safe_load((folder / 'model-index.yml').read_text())['Import']
    contents = [yaml.safe_load((folder / file).read_text()) for file in files]
    return {model['Name'].lower(): model for content in contents for model in content['Models']}


def _checked(path: Path, expected: str) -> Path:
    """The file, if it is there and has the checksum."""
    if not path.is_file():
        raise FileNotFoundError(f'the published weights {path} are missing: {_WAY_OUT}')
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected:
        raise ValueError(
            f'the published weights {path} are damaged, their SHA-256 is {found} and not '
            f'{expected}: {_WAY_OUT}'
        )
    return path
