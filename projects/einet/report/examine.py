"""All that a report needs of one image's prediction, without its maps."""

from __future__ import annotations

from dataclasses import dataclass

from ..evaluation.measures.ap import APMeasure, ImageMasks
from ..evaluation.measures.iou import IoUMeasure, IoUStatistics
from ..evaluation.measures.pq_matching import PQStatistics, SegmentMatches, match_segments
from ..evaluation.sample import EvaluatedSample
from .errors import Explanation, explain


@dataclass(frozen=True)
class ImageResult:
    """One image's prediction compared with its ground truth.

    Args:
        name: Image's path below its data set's folder.
        statistics: What it adds to PQ.
        matches: Its segments.
        explanation: What became of them.
        masks: What it adds to AP.
        pixels: What it adds to mIoU.
    """

    name: str
    statistics: PQStatistics
    matches: SegmentMatches
    explanation: Explanation
    masks: ImageMasks
    pixels: IoUStatistics


def examine(sample: EvaluatedSample) -> ImageResult:
    """Compare a prediction with its ground truth, by the measures of the evaluation.

    Args:
        sample: Prediction and ground truth.

    Raises:
        KeyError: The sample lacks a field.
        ValueError: Prediction and ground truth do not fit together.
    """
    num_classes = len(sample.classes)
    matches = match_segments(sample.gt_map, sample.gt_segments, sample.pred_map, num_classes)
    return ImageResult(
        name=str(sample.file_name),
        statistics=matches.statistics(num_classes),
        matches=matches,
        explanation=explain(matches),
        masks=APMeasure().measure(sample),
        pixels=IoUMeasure().measure(sample),
    )
