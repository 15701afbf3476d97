"""One row of pixels with a segment of every fate. Classes: cat 0, dog 1 (things), grass 2; void 3.

| pixels   | ground truth | prediction      | IoU  | fate                          |
|----------|--------------|-----------------|------|-------------------------------|
| 0 to 10  | 7, cat       | cat 1 on 9      | 0.9  | found                         |
| 10 to 20 | 8, cat       | cat 2 on 4      | 0.4  | too loose                     |
| 20 to 30 | 9, dog       | cat 4 on 8      | 0.8  | wrong class                   |
| 30 to 50 | 4, grass     | dog 5 on 5, 15  | 0.75 | invented (dog), found (grass) |
| 50 to 55 | void         | dog 6           |      | not counted                   |
| 55 to 65 | 5, dog       | void            |      | missed                        |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from einet.evaluation.classes import PanopticClasses
from einet.evaluation.sample import EvaluatedSample

CLASSES = PanopticClasses(('cat', 'dog', 'grass'), frozenset({0, 1}))
META = dict(
    classes=CLASSES.names,
    thing_classes=('cat', 'dog'),
    stuff_classes=('grass',),
    palette=[(250, 0, 0), (0, 0, 250), (20, 90, 30)],
)
TRUTH = [7] * 10 + [8] * 10 + [9] * 10 + [4] * 20 + [0] * 5 + [5] * 10
INFOS = [(7, 0), (8, 0), (9, 1), (4, 2), (5, 1)]
PREDICTION = (
    ([1000] * 9 + [3] + [2000] * 4 + [3] * 6 + [4000] * 8 + [3] * 2 + [5001] * 5 + [2] * 15)
    + [6001] * 5
    + [3] * 10
)


def evaluated(
    truth: Any = (TRUTH,),
    infos: Sequence[tuple[int, ...]] = INFOS,
    prediction: Any = (PREDICTION,),
    classes: PanopticClasses = CLASSES,
    name: str = 'row.jpg',
) -> EvaluatedSample:
    """A sample without files; segments are (id, label) or (id, label, iscrowd)."""
    pred_map = torch.as_tensor(np.asarray(prediction), dtype=torch.int32)
    ids = torch.unique(pred_map[pred_map >= 1000]).long()
    labels = pred_map % 1000
    sample = EvaluatedSample(
        dict(
            img_id=0,
            img_path=name,
            segments_info=[
                dict(id=id_, category=label, iscrowd=sum(crowd)) for id_, label, *crowd in infos
            ],
            pred_panoptic_seg=dict(sem_seg=pred_map[None]),
            pred_sem_seg=dict(sem_seg=torch.where(labels == len(classes), 0, labels)[None]),
            pred_instances=dict(
                labels=ids % 1000, scores=1 - ids / 10_000, panoptic_ids=ids, centroids=ids
            ),
        ),
        classes,
    )
    sample.gt_map = np.asarray(truth, np.uint32)
    return sample
