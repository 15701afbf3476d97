"""What a measure is: one number, or a few, from all samples, in three steps."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from mmengine.logging import print_log
from terminaltables import AsciiTable

from ..classes import PanopticClasses
from ..sample import EvaluatedSample


class Measure(ABC):
    """Reduces each sample to a few hundred bytes and all samples to numbers.

    Between the two, results travel between ranks: they hold no maps.

    Args:
        classwise: Also return and print the values of each class.
    """

    #: Results are written to ``<outfile_prefix>.<suffix>``.
    suffix: ClassVar[str]
    #: Values that :meth:`summarize` always returns.
    keys: ClassVar[tuple[str, ...]]

    def __init__(self, classwise: bool = False) -> None:
        self.classwise = classwise

    @abstractmethod
    def measure(self, sample: EvaluatedSample) -> Any:
        """Compare one sample's prediction with its ground truth.

        Args:
            sample: Prediction and ground truth.

        Returns:
            A small object that can be pickled.

        Raises:
            ValueError: Prediction and ground truth do not fit together.
        """

    @abstractmethod
    def summarize(self, results: Sequence[Any], classes: PanopticClasses) -> dict[str, float]:
        """Turn what :meth:`measure` returned for all samples into numbers, and print them.

        Args:
            results: One per sample.
            classes: Data set's classes.

        Returns:
            Values in percent; NaN where there was nothing to measure.
        """

    @abstractmethod
    def write(self, sample: EvaluatedSample, prefix: str) -> Any:
        """Write one sample's prediction.

        Args:
            sample: Prediction; the ground truth is not read.
            prefix: Start of all paths.

        Returns:
            What :meth:`finish_writing` needs of this sample.
        """

    def finish_writing(self, written: Sequence[Any], prefix: str, classes: PanopticClasses) -> None:
        """Write what belongs to all samples; in the main process only.

        Args:
            written: What :meth:`write` returned, one per sample.
            prefix: Start of all paths.
            classes: Data set's classes.
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
        title: Line above the table.
        rows: Header, then one row per line.
    """
    print_log(f'{title} (percent)\n{AsciiTable([list(r) for r in rows]).table}', logger='current')
