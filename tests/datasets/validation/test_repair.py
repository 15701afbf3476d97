import copy

import numpy as np

from einet.datasets.validation.repair import repair_areas
from einet.structures.segment_pixels import measure_segments

PIXELS = measure_segments(np.array([[8, 8, 5], [0, 8, 5]], np.uint32))
CONTENT = dict(
    info=1,
    annotations=[
        dict(
            image_id=3,
            segments_info=[
                dict(id=8, area=3, bbox=[0, 0, 2, 2], extra='kept'),
                dict(id=5, area=99),
                dict(id=6, area=4, bbox=[0, 0, 2, 2]),
                'no segment',
            ],
        ),
        dict(image_id=4, segments_info=[dict(id=8, area=7)]),
    ],
)


def test_areas_and_boxes_are_those_of_the_png():
    before = copy.deepcopy(CONTENT)
    repaired = repair_areas(CONTENT, {0: PIXELS}, drop_missing=False)
    assert before == CONTENT
    assert repaired.content['info'] == 1
    assert repaired.content['annotations'] == [
        dict(
            image_id=3,
            segments_info=[
                dict(id=8, area=3, bbox=[0, 0, 2, 2], extra='kept'),
                dict(id=5, area=2, bbox=[2, 0, 1, 2]),
                dict(id=6, area=0, bbox=[0, 0, 0, 0]),
                'no segment',
            ],
        ),
        CONTENT['annotations'][1],
    ]
    assert (repaired.changed, repaired.dropped, repaired.untouched) == (2, 0, 1)


def test_missing_segments_are_dropped():
    repaired = repair_areas(CONTENT, {0: PIXELS}, drop_missing=True)
    first, second = repaired.content['annotations']
    assert [s if isinstance(s, str) else s['id'] for s in first['segments_info']] == [
        8,
        5,
        'no segment',
    ]
    assert second == CONTENT['annotations'][1]
    assert (repaired.changed, repaired.dropped, repaired.untouched) == (1, 1, 1)
