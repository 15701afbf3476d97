"""What a measure is: one number, or a few, from all images, in three steps."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from mmengine.logging import print_log
from terminaltables import AsciiTable

from .classes import ClassTable
from .image import EvaluatedImage


class Measure(ABC):
    """Reduces each image to a few hundred bytes and all images to numbers.

    Between the two, results travel between ranks: they hold no maps.

    Args:
        classwise: also return and print the values of each class.
    """

    #: Where results are written: ``<outfile_prefix>.<suffix>``.
    suffix: ClassVar[str]

    def __init__(self, classwise: bool = False) -> None:
        self.classwise = classwise

    @abstractmethod
    def measure(self, image: EvaluatedImage) -> Any:
        """Compare one image's prediction with its ground truth.

        Args:
            image: prediction and ground truth.

        Returns:
            A small object that can be pickled.

        Raises:
            ValueError: when prediction and ground truth do not fit together.
        """

    @abstractmethod
    def summarize(self, results: Sequence[Any], classes: ClassTable) -> dict[str, float]:
        """Turn what :meth:`measure` returned for all images into numbers, and print them.

        Args:
            results: one per image.
            classes: of the data set.

        Returns:
            In percent; NaN where there was nothing to measure.
        """

    @abstractmethod
    def write(self, image: EvaluatedImage, prefix: str) -> Any:
        """Write one image's prediction.

        Args:
            image: its ground truth is not read.
            prefix: of the files.

        Returns:
            What :meth:`finish_writing` needs of this image.
        """

    def finish_writing(self, written: Sequence[Any], prefix: str, classes: ClassTable) -> None:
        """Write what belongs to all images; in the main process only.

        Args:
            written: what :meth:`write` returned, one per image.
            prefix: of the files.
            classes: of the data set.
        """
        place = f'{prefix}.{self.suffix}'
        print_log(f'{len(written)} predictions are in {place}', logger='current')


def percent(values: Any) -> Any:
    """Shares in [0, 1] in percent, as a float or an array."""
    return 100 * np.asarray(values, np.float64) if np.ndim(values) else 100 * float(values)


def cells(values: Sequence[float]) -> list[str]:
    """Table cells with two digits, ``-`` where a value is NaN: not measured."""
    return ['-' if np.isnan(value) else f'{value:.2f}' for value in values]


def print_table(title: str, rows: Sequence[Sequence[Any]]) -> None:
    """Log a table.

    Args:
        title: above it.
        rows: the first is the header.
    """
    print_log(f'{title} (percent)\n{AsciiTable([list(r) for r in rows]).table}', logger='current')
