"""Pictures that occur more than once: within a data set, or in training and in testing."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from .findings import Finding


class PictureIdentity(NamedTuple):
    """By what pictures are compared.

    Attributes:
        path: of the file.
        digest: of its bytes; None when it cannot be read.
        image_id: in its annotation file.
    """

    path: str
    digest: bytes | None
    image_id: Hashable


def repeated_pictures(pictures: Sequence[PictureIdentity]) -> list[Finding]:
    """Find files of a data set with other names and the same content.

    Args:
        pictures: of the data set.

    Returns:
        One finding per content that occurs more than once.
    """
    by_digest: dict[bytes, dict[str, PictureIdentity]] = defaultdict(dict)
    for picture in pictures:
        if picture.digest is not None:
            # One path twice is a defect of the annotation file, reported as that.
            by_digest[picture.digest].setdefault(picture.path, picture)
    found = []
    for first, *others in map(list, map(dict.values, by_digest.values())):
        if others:
            names = [other.path for other in others[:5]] + ['...'] * (len(others) > 5)
            message = f'the same as {", ".join(names)}'
            found.append(Finding('picture-content-twice', message, first.path, first.image_id))
    return found


def shared_pictures(
    training: Sequence[PictureIdentity], scored: Sequence[PictureIdentity]
) -> list[Finding]:
    """Find pictures that are trained on and scored.

    The same name in two folders is no sign of it: many sets number each split from 0.

    Args:
        training: pictures of the training set.
        scored: pictures of a validation or test set.

    Returns:
        One finding per scored picture that is the same file, or has the same bytes.
    """
    by_path = {picture.path: picture for picture in training}
    by_digest = {picture.digest: picture for picture in training if picture.digest is not None}
    found = []
    for picture in scored:
        if picture.path in by_path:
            message = f'the same file as training image {by_path[picture.path].image_id!r}'
        elif picture.digest in by_digest:
            message = f'the same, byte by byte, as {by_digest[picture.digest].path}'
        else:
            continue
        found.append(Finding('split-overlap', message, picture.path, picture.image_id))
    return found
