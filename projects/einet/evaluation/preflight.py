"""What can be known of a data set's results before its first image is predicted."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any


def check_image_ids(samples: Iterable[Mapping[str, Any]]) -> None:
    """Refuse image ids that results cannot be matched by.

    Args:
        samples: Data infos with ``img_id`` and ``img_path``.

    Raises:
        ValueError: Two images have one id, or some ids are numbers and some text.
    """
    first: dict[Any, str] = {}
    for sample in samples:
        image_id, path = sample['img_id'], sample['img_path']
        if image_id in first:
            raise ValueError(
                f'{first[image_id]} and {path} have the same image id, {image_id!r}: results are '
                f'matched by it; give each image of the data sets that are tested together its own'
            )
        first[image_id] = path
    kinds = {type(image_id): image_id for image_id in first}
    if len(kinds) > 1:
        raise ValueError(
            f'image ids are of several types, for example {" and ".join(map(repr, kinds.values()))}'
            f': they cannot be sorted; make all of them numbers or all of them text'
        )


def check_file_names(samples: Iterable[Mapping[str, Any]]) -> None:
    """Refuse images whose written results would overwrite each other.

    Args:
        samples: Data infos with ``file_name`` (or none) and ``img_path``.

    Raises:
        ValueError: Two results would have one name.
    """
    first: dict[PurePosixPath, str] = {}
    for sample in samples:
        path = sample['img_path']
        name = PurePosixPath(sample.get('file_name') or PurePosixPath(path).name)
        name = name.with_suffix('.png')
        if name in first:
            raise ValueError(
                f'the results of {first[name]} and {path} would both be {name}: give the images '
                f'distinct names below data_prefix, or test their data sets one by one'
            )
        first[name] = path
