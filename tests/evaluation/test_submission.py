"""Zips against lists written from the servers' published formats."""

import json
import re
import zipfile
from dataclasses import replace

import cv2
import numpy as np
import pytest

from einet.evaluation.coco_results import write_image, write_json
from einet.evaluation.submission import (
    ImageList,
    instance_submission,
    panoptic_submission,
    read_image_list,
    semantic_submission,
    write_zip,
)

CATEGORIES = {1: 'person', 92: 'banner'}
IMAGES = ImageList({1: (2, 3), 700: (4, 2)}, CATEGORIES)


@pytest.fixture
def prefix(tmp_path):
    """Panoptic results of two images."""
    folder = tmp_path / 'run.panoptic'
    written = [
        write_image(folder, '000001.jpg', 1, np.array([[1000, 1000, 2], [1, 1, 2000]]), (1, 92)),
        write_image(folder, '000700.jpg', 700, np.ones((4, 2), int), (1, 92)),
    ]
    write_json(tmp_path / 'run.panoptic.json', written, ('person', 'banner'), {0})
    return tmp_path / 'run'


def edit(prefix, change):
    path = prefix.parent / 'run.panoptic.json'
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


class TestPanoptic:
    def test_what_the_coco_server_finds(self, prefix, tmp_path):
        name = 'panoptic_test-dev2017_einet_results'
        submission = panoptic_submission(str(prefix), IMAGES, name)
        assert submission.problems == []
        write_zip(tmp_path / 'new' / 'a.zip', submission.entries)
        with zipfile.ZipFile(tmp_path / 'new' / 'a.zip') as archive:
            assert sorted(archive.namelist()) == [
                f'{name}.json',
                f'{name}/000001.png',
                f'{name}/000700.png',
            ]
            content = json.loads(archive.read(f'{name}.json'))
            for annotation in content['annotations']:
                png = np.frombuffer(archive.read(f'{name}/{annotation["file_name"]}'), np.uint8)
                bgr = cv2.imdecode(png, cv2.IMREAD_UNCHANGED).astype(int)
                ids = bgr @ [65536, 256, 1]
                segments = annotation['segments_info']
                assert set(np.unique(ids)) - {0} == {segment['id'] for segment in segments}
                assert all(segment['category_id'] in CATEGORIES for segment in segments)
                assert ids.shape == IMAGES.sizes[annotation['image_id']]

    def problems(self, prefix, images=IMAGES):
        return ' '.join(panoptic_submission(str(prefix), images, 'x').problems)

    def test_images_of_another_list(self, prefix):
        images = replace(IMAGES, sizes={1: (2, 3), 5: (2, 3), 6: (2, 3)})
        problems = self.problems(prefix, images)
        assert '2 images of the list have no prediction, for example 5' in problems
        assert '1 predictions are of other images, for example 700' in problems

    def test_predicted_twice(self, prefix):
        edit(prefix, lambda content: content['annotations'].append(content['annotations'][0]))
        assert '1 images are predicted twice' in self.problems(prefix)

    def test_other_size(self, prefix):
        images = replace(IMAGES, sizes={1: (3, 2), 700: (4, 2)})
        assert '000001.png: has 3 x 2 pixels, its image 2 x 3' in self.problems(prefix, images)

    def test_other_categories(self, prefix):
        # Cityscapes' train ids instead of label ids, say.
        problems = self.problems(prefix, replace(IMAGES, categories={1: 'person', 5: 'banner'}))
        assert "category 92 is 'banner', to the server it is None" in problems
        assert '000700.png: has category ids [92], which the server does not know' in problems

    def test_ids_that_only_one_side_has(self, prefix):
        edit(prefix, lambda content: content['annotations'][1]['segments_info'].clear())
        assert '000700.png: ids in the PNG and in the JSON differ: [2]' in self.problems(prefix)

    def test_missing_and_broken_pngs(self, prefix):
        (prefix.parent / 'run.panoptic' / '000001.png').unlink()
        (prefix.parent / 'run.panoptic' / '000700.png').write_bytes(b'no')
        problems = self.problems(prefix)
        assert '000001.png does not exist' in problems and 'cannot be decoded' in problems

    def test_nothing_written(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r'there is no .*no\.panoptic\.json'):
            panoptic_submission(str(tmp_path / 'no'), IMAGES, 'x')


CITY = ImageList({'ulm_000000_000019': (2, 3), 'ulm_000001_000019': (2, 3)}, {24: 'person'})


class TestInstances:
    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / 'run.instances'
        folder.mkdir()
        cv2.imwrite(str(folder / 'a.png'), np.eye(2, 3, dtype=np.uint8))
        (folder / 'ulm_000000_000019_leftImg8bit.txt').write_text('a.png 24 0.5\n')
        (folder / 'ulm_000001_000019_leftImg8bit.txt').touch()
        return folder

    def problems(self, folder):
        submission = instance_submission(str(folder.parent / 'run'), CITY)
        return ' '.join(submission.problems)

    def test_a_text_per_image_and_the_masks_it_names(self, folder):
        (folder / 'left_over.png').touch()
        submission = instance_submission(str(folder.parent / 'run'), CITY)
        assert submission.problems == []
        assert [name for name, _ in submission.entries] == [
            'ulm_000000_000019_leftImg8bit.txt',
            'a.png',
            'ulm_000001_000019_leftImg8bit.txt',
        ]

    @pytest.mark.parametrize(
        'line', ['a.png 24', 'a.png 7 0.5', 'a.png x 0.5', 'a.png 24 nan', '../a.png 24 0.5']
    )
    def test_lines_that_are_not_valid(self, folder, line):
        (folder / 'ulm_000000_000019_leftImg8bit.txt').write_text(f'a.png 24 0.5\n{line}\n')
        assert 'line 2 is not `mask labelId score`' in self.problems(folder)

    def test_missing_text_and_two_texts(self, folder):
        text = folder / 'ulm_000001_000019_leftImg8bit.txt'
        text.rename(folder / 'ulm_000000_000019_again.txt')
        problems = self.problems(folder)
        assert "1 images of the list have no prediction, for example 'ulm_000001" in problems
        assert 'are all of image ulm_000000_000019; one is wanted' in problems

    @pytest.mark.parametrize(
        ('mask', 'problem'),
        [
            (None, 'is missing'),
            (np.eye(3, 2, dtype=np.uint8), 'has 2 x 3 pixels'),
            (np.zeros((2, 3, 3), np.uint8), 'has several channels'),
        ],
    )
    def test_masks(self, folder, mask, problem):
        (folder / 'a.png').unlink()
        if mask is not None:
            cv2.imwrite(str(folder / 'a.png'), mask)
        assert f'a.png: {problem}' in self.problems(folder)


class TestSemantic:
    @pytest.mark.parametrize(
        ('values', 'problem'), [(24, ''), (19, r'has label ids \[19\]'), (None, 'is missing')]
    )
    def test_label_ids(self, tmp_path, values, problem):
        folder = tmp_path / 'run.semantic'
        folder.mkdir()
        for name in CITY.sizes:
            path = folder / f'{name}_leftImg8bit.png'
            if values is None:
                path.touch()
            else:
                cv2.imwrite(str(path), np.full((2, 3), values, np.uint8))
        submission = semantic_submission(str(tmp_path / 'run'), CITY)
        assert len(submission.entries) == 2
        assert len(submission.problems) == (2 if problem else 0)
        for found in submission.problems:
            assert re.search(problem, found)

    def test_nothing_written(self, tmp_path):
        with pytest.raises(FileNotFoundError, match='outfile_prefix'):
            semantic_submission(str(tmp_path / 'no'), CITY)


class TestImageList:
    def test_of_an_annotation_file(self, coco_sample_root):
        path = coco_sample_root / 'annotations/panoptic_val2017.json'
        images, content = read_image_list(path), json.loads(path.read_text())
        first = content['images'][0]
        assert images.sizes[first['id']] == (first['height'], first['width'])
        assert len(images.categories) == 133

    @pytest.mark.parametrize('content', ['{}', '[1]', '{"images": [{"id": 1}]}'])
    def test_something_else(self, tmp_path, content):
        (tmp_path / 'a.json').write_text(content)
        with pytest.raises(ValueError, match="not in COCO's format"):
            read_image_list(tmp_path / 'a.json')

    def test_no_json(self, tmp_path):
        (tmp_path / 'a.json').write_text('no json')
        with pytest.raises(ValueError, match=r'a\.json is not JSON'):
            read_image_list(tmp_path / 'a.json')

    def test_no_images(self, tmp_path):
        (tmp_path / 'a.json').write_text('{"images": []}')
        with pytest.raises(ValueError, match='empty'):
            read_image_list(tmp_path / 'a.json')


def test_a_zip_is_not_overwritten(tmp_path):
    (tmp_path / 'a.zip').write_text('mine')
    with pytest.raises(FileExistsError):
        write_zip(tmp_path / 'a.zip', [])
    assert (tmp_path / 'a.zip').read_text() == 'mine'
