"""Which package computes COCO's AP: pycocotools, or hotcoco for the same values in less time."""

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


class CocoEngine(NamedTuple):
    """What is used of a package.

    Attributes:
        index: Makes an empty index over images, categories and instances.
        evaluation: Matches and averages two indices.
    """

    index: Callable[[], Any]
    evaluation: Callable[..., Any]


PYCOCOTOOLS = CocoEngine(COCO, COCOeval)


def coco_engine(name: str) -> CocoEngine:
    """What is used of a package.

    Args:
        name: ``pycocotools`` or ``hotcoco``.

    Raises:
        ImportError: The package is missing.
        ValueError: There is no such engine.
    """
    if name == 'pycocotools':
        return PYCOCOTOOLS
    if name != 'hotcoco':
        raise ValueError(f"ap_engine={name!r}: give 'pycocotools' or 'hotcoco'")
    try:
        import hotcoco
    except ImportError as error:
        raise ImportError(
            "ap_engine='hotcoco' needs hotcoco: pip install hotcoco; 'pycocotools' gives the same "
            'values'
        ) from error

    def index() -> Any:
        if _process_of_threads() != os.getpid():
            raise RuntimeError(
                "ap_engine='hotcoco': its threads do not survive a fork, and this process was "
                "forked after they had started; use 'pycocotools'"
            )
        return hotcoco.COCO()

    return CocoEngine(index, hotcoco.COCOeval)


@lru_cache
def _process_of_threads() -> int:
    """The process that was the first to ask; a fork copies the answer."""
    return os.getpid()
