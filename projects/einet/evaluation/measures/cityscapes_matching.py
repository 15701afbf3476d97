"""Cityscapes' AP of instances: matched in memory, averaged by cityscapesScripts itself.

The script reads one PNG per predicted instance. Overlaps of two maps say the same, so images are
reduced to what its ``evaluateMatches`` takes, and its own code does the rest.

Source: ``cityscapesscripts.evaluation.evalInstanceLevelSemanticLabeling``.

Shape shorthand:
    H, W: image
    K: predicted instances
"""

import copy
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..sample import PredictedInstances
from .overlaps import count_overlaps

#: From this id on, pixels are of a single instance: 1000 * label id + number. Below, ids are label
#: ids: stuff, void, or a group of things.
FIRST_INSTANCE = 1000

#: One image's instances: ``groundTruth`` and ``prediction``, lists of dicts by class name.
Matches = dict[str, dict[str, list[dict[str, Any]]]]


class CityscapesPrecision(NamedTuple):
    """AP in [0, 1]; NaN where no image has an instance.

    Attributes:
        ap: Mean over IoU 0.50 to 0.95 and classes.
        ap50: AP at IoU 0.50.
        per_class: Mean over IoU 0.50 to 0.95 by the class's name.
    """

    ap: float
    ap50: float
    per_class: dict[str, float]


def label_ids(names: Sequence[str]) -> list[int]:
    """Cityscapes' label id of each thing class.

    Args:
        names: Classes by name.

    Raises:
        ImportError: The package cityscapesscripts is missing.
        ValueError: Cityscapes does not evaluate a class as instances; the message names it.
    """
    evaluated = _parameters().instLabels
    unknown = [name for name in names if name not in evaluated]
    if unknown:
        raise ValueError(f"Cityscapes' AP is of {evaluated}; the data set has {unknown} as well")
    by_name = _script().name2label
    return [by_name[name].id for name in names]


def match_instances(
    gt_map: NDArray[np.integer],
    pred_map: NDArray[np.integer],
    instances: PredictedInstances,
    names: Sequence[str],
) -> Matches:
    """Overlaps of one image's predicted and true instances of the same class.

    Args:
        gt_map: (H, W) instance ids.
        pred_map: (H, W) panoptic ids.
        instances: K predicted ones; one without a pixel is left out, as by the script.
        names: Classes' names by label, at least those of the things.

    Returns:
        What the script's ``assignGt2Preds`` returns, without what is not read later.

    Raises:
        ValueError: The maps differ in size or an id has an unknown label.
    """
    overlaps = count_overlaps(gt_map, pred_map)
    truths = _true_instances(overlaps.gt_ids, overlaps.areas)
    void_ids = [label.id for label in _script().labels if label.ignoreInEval]
    in_void = np.isin(overlaps.gt_ids, void_ids)
    predictions: dict[str, list[dict[str, Any]]] = {name: [] for name in _parameters().instLabels}
    for label, score, panoptic_id in zip(*(values.tolist() for values in instances), strict=True):
        own = overlaps.pred_ids == panoptic_id
        if not own.any():
            continue
        shared = dict(zip(overlaps.gt_ids[own].tolist(), overlaps.areas[own].tolist(), strict=True))
        prediction: dict[str, Any] = dict(
            pixelCount=sum(shared.values()),
            confidence=score,
            voidIntersection=int(overlaps.areas[own & in_void].sum()),
        )
        matched = []
        for truth in truths[names[label]]:
            if truth['instID'] in shared:
                intersection = shared[truth['instID']]
                matched.append(_without_matches(truth) | dict(intersection=intersection))
                truth['matchedPred'].append(prediction | dict(intersection=intersection))
        predictions[names[label]].append(prediction | dict(matchedGt=matched))
    return dict(groundTruth=truths, prediction=predictions)


def cityscapes_precision(matches: Sequence[Matches]) -> CityscapesPrecision:
    """Average over all images with the script's own functions.

    Args:
        matches: One per image.

    Returns:
        Values in [0, 1].
    """
    script, parameters = _script(), _parameters()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)  # the mean of no class at all is NaN
        values = script.evaluateMatches(dict(enumerate(matches)), parameters)
        averages = script.computeAverages(values, parameters)
    per_class = {name: float(entry['ap']) for name, entry in averages['classes'].items()}
    return CityscapesPrecision(float(averages['allAp']), float(averages['allAp50%']), per_class)


def _true_instances(
    gt_ids: NDArray[np.int64], areas: NDArray[np.int64]
) -> dict[str, list[dict[str, Any]]]:
    """The script's ``instances2dict`` for the classes it evaluates; groups are among them."""
    by_id: Mapping[int, Any] = _script().id2label
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in _parameters().instLabels}
    ids, inverse = np.unique(gt_ids, return_inverse=True)
    pixels = np.bincount(inverse, areas).astype(np.int64)
    for instance_id, count in zip(ids.tolist(), pixels.tolist(), strict=True):
        is_single = instance_id >= FIRST_INSTANCE
        label = by_id.get(instance_id // FIRST_INSTANCE if is_single else instance_id)
        if label is None:
            raise ValueError(f'instance id {instance_id} is of no Cityscapes label')
        if label.name in found:
            # Distances are known to the script where there is depth; these values pass its limits.
            truth = dict(instID=instance_id, pixelCount=count, medDist=-1, distConf=0.0)
            found[label.name].append(truth | dict(matchedPred=[]))
    return found


def _without_matches(truth: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in truth.items() if key != 'matchedPred'}


@lru_cache
def _script() -> ModuleType:
    try:
        from cityscapesscripts.evaluation import evalInstanceLevelSemanticLabeling
    except ImportError as error:
        raise ImportError(
            "Cityscapes' AP needs cityscapesscripts: pip install cityscapesscripts"
        ) from error
    return evalInstanceLevelSemanticLabeling


@lru_cache
def _parameters() -> Any:
    """The script's defaults, in a copy: it keeps them in a global."""
    parameters = copy.copy(_script().args)
    _script().setInstanceLabels(parameters)
    return parameters
