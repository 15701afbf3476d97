"""The references of the evaluation's tests."""

from tests.evaluation.conftest import (  # noqa: F401
    coco_meta,
    coco_samples,
    complete,
    evaluate_all,
    panopticapi_statistics,
    perturb,
    predict,
    predict_all,
    with_prediction,
)
