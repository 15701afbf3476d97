"""Images that occur more than once: within a data set, or in training and in testing."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ..rules import Finding
from .images import ImageResult


def repeated_images(images: Sequence[ImageResult]) -> Iterator[Finding]:
    """Find files of a data set with other names and the same content.

    Args:
        images: Images of the data set.

    Yields:
        One finding per content that occurs more than once.
    """
    by_digest: dict[bytes, dict[str, ImageResult]] = defaultdict(dict)
    for image in images:
        if image.digest is not None:
            # One path twice is a defect of the annotation file, reported as that.
            by_digest[image.digest].setdefault(image.path, image)
    for first, *others in map(list, map(dict.values, by_digest.values())):
        if others:
            names = [other.path for other in others[:5]] + ['...'] * (len(others) > 5)
            message = f'the same as {", ".join(names)}'
            yield Finding('image-content-twice', message, first.path, first.image_id)


def shared_images(
    training: Sequence[ImageResult], scored: Sequence[ImageResult]
) -> Iterator[Finding]:
    """Find images that are trained on and scored.

    The same name in two folders is no sign of it: many sets number each split from 0.

    Args:
        training: Images of the training set.
        scored: Images of a validation or test set.

    Yields:
        One finding per scored image that is the same file, or has the same bytes.
    """
    by_path = {image.path: image for image in training}
    by_digest = {image.digest: image for image in training if image.digest is not None}
    for image in scored:
        if image.path in by_path:
            message = f'the same file as training image {by_path[image.path].image_id!r}'
        elif image.digest in by_digest:
            message = f'the same, byte by byte, as {by_digest[image.digest].path}'
        else:
            continue
        yield Finding('split-overlap', message, image.path, image.image_id)
