import numpy as np
import pytest

from einet.datasets.conversion.annotations import measure_annotation
from einet.datasets.conversion.inputs import InputImage
from einet.structures.files import write_png
from einet.structures.id_map import ids_to_bgr

ID_MAP = np.array([[0, 70000, 70000], [5, 70000, 0]])


@pytest.fixture
def png(tmp_path):
    write_png(tmp_path / 'a.png', ids_to_bgr(ID_MAP))
    return tmp_path / 'a.png'


@pytest.fixture
def image(tmp_path):
    return InputImage(tmp_path / 'a.jpg', width=3, height=2)


def annotation(*ids):
    segments = [dict(id=i, category_id=i + 1, iscrowd=0, area=99, extra='kept') for i in ids]
    return dict(image_id='a', file_name='a.png', segments_info=segments)


def test_areas_and_boxes_are_those_of_the_png(png, image):
    measured = measure_annotation(png, annotation(70000, 8, 5), image)
    assert measured == dict(
        image_id='a',
        file_name='a.png',
        segments_info=[
            dict(id=5, category_id=6, iscrowd=0, area=1, extra='kept', bbox=[0, 1, 1, 1]),
            dict(id=70000, category_id=70001, iscrowd=0, area=3, extra='kept', bbox=[1, 0, 2, 2]),
        ],
    )


def test_ids_that_the_annotation_lacks(png, image):
    with pytest.raises(ValueError, match=r'a\.png has 1 ids that its annotation lacks: \[70000\]'):
        measure_annotation(png, annotation(5), image)


def test_another_size(png, image):
    with pytest.raises(ValueError, match=r'a\.png has 3 x 2 pixels, its image .*a\.jpg 3 x 9'):
        measure_annotation(png, annotation(5, 70000), image._replace(height=9))
