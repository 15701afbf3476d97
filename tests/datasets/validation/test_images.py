import numpy as np
import pytest
from PIL import Image

from einet.datasets.rules import category_table
from einet.datasets.validation.images import ImageJob, check_image
from tests.datasets.conftest import CATEGORIES, METAINFO, write_ids

from .small_set import HEIGHT, WIDTH

TABLE = category_table(CATEGORIES, METAINFO['thing_classes'], METAINFO['stuff_classes'])


@pytest.fixture
def job(small) -> ImageJob:
    paths = str(small.image_path()), str(small.map_path())
    return ImageJob(small.image(), small.annotation(), 0, *paths)


def found(job):
    return [(f.kind, f.file, f.image_id) for f in check_image(job, TABLE).findings]


def test_a_valid_image(job):
    result = check_image(job, TABLE)
    assert result.findings == []
    assert result.num_pixels == HEIGHT * WIDTH
    names = ('man', 'car', 'tree', 'sky')
    assert [result.counts[name, 'segments'] for name in names] == [1, 1, 1, 1]
    assert result.pixels is None


def test_pixels_are_kept_to_repair(job):
    kept = check_image(job, TABLE, keep_pixels=True).pixels
    assert kept.ids.tolist() == [3, 9, 11, 256, 70000]


def test_both_files_are_looked_at_when_both_are_damaged(job, small):
    small.image_path().unlink()
    small.map_path().write_bytes(b'')
    assert found(job) == [
        ('image-missing', job.img_path, 0),
        ('png-unreadable', job.png_path, 0),
    ]


def test_without_annotation_only_the_image_is_read(job, small):
    small.map_path().unlink()
    result = check_image(ImageJob(small.image(), None, None, job.img_path, None), TABLE)
    assert (result.findings, result.counts, result.num_pixels) == ([], {}, 0)


def test_sizes_without_an_image_are_those_of_the_json(job, small):
    small.image_path().unlink()
    small.image()['width'] = 50
    assert [kind for kind, *_ in found(job)] == ['image-missing', 'png-size']


@pytest.mark.parametrize('orientation', range(2, 9))
def test_an_image_that_is_turned_or_mirrored_when_it_is_loaded(orientation, job, small):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new('RGB', (WIDTH, HEIGHT)).save(small.image_path(), exif=exif)
    messages = {f.kind: f.message for f in check_image(job, TABLE).findings}
    other_size = {'image-size', 'png-size'} if orientation > 4 else set()
    assert set(messages) == {'image-orientation'} | other_size
    assert messages['image-orientation'] == f'orientation {orientation}'


def test_an_id_that_is_listed_wrongly_is_not_called_unknown(job, small):
    small.annotation()['segments_info'].append(dict(id=999))
    id_map = np.zeros((HEIGHT, WIDTH), int)
    id_map[0, 0] = 999
    write_ids(small.map_path(), id_map)
    assert [kind for kind, *_ in found(job)] == ['segment-without-pixels']
