import json
import zipfile

import numpy as np
import pytest
import torch

from einet.evaluation import PanopticMetric
from tests.evaluation import cityscapes_tree

from .load import load_tool


@pytest.fixture(scope='module')
def tool():
    return load_tool('make_submission.py')


@pytest.fixture(scope='module')
def cityscapes(tmp_path_factory):
    """Annotation file and prefix of results that were written without ground truth."""
    pytest.importorskip('cityscapesscripts')
    root = cityscapes_tree.make_tree(tmp_path_factory.mktemp('cityscapes'), num=2)
    dataset = cityscapes_tree.make_dataset(root)
    prefix = root / 'results' / 'run'
    metric = PanopticMetric(
        ['PQ', 'cityscapes_AP', 'mIoU'], format_only=True, outfile_prefix=str(prefix)
    )
    metric.dataset_meta = dataset.metainfo
    samples = cityscapes_tree.predict(dataset)
    metric.process(None, [dict(s, seg_map_path=None, segments_info=[]) for s in samples])
    assert metric.evaluate(len(samples)) == {}
    return root / 'gtFine' / 'cityscapes_panoptic_val.json', prefix


@pytest.mark.parametrize(
    ('task', 'present'),
    [
        ('panoptic', 'cityscapes_panoptic_test/aachen_000000_000019_leftImg8bit.png'),
        ('instance', 'zurich_000001_000019_leftImg8bit.txt'),
        ('semantic', 'aachen_000000_000019_leftImg8bit.png'),
    ],
)
def test_cityscapes(tool, cityscapes, task, present, tmp_path, capsys):
    images, prefix = cityscapes
    arguments = [f'cityscapes-{task}', str(prefix), '--images', str(images)]
    tool.main([*arguments, '--out-dir', str(tmp_path)])
    path = tmp_path / f'cityscapes_{task}_test.zip'
    assert str(path) in capsys.readouterr().out
    with zipfile.ZipFile(path) as archive:
        assert present in archive.namelist()
        if task == 'panoptic':
            content = json.loads(archive.read('cityscapes_panoptic_test.json'))
            assert {c['id'] for c in content['categories']} >= {7, 24, 33}
    with pytest.raises(SystemExit, match='FileExistsError'):
        tool.main([*arguments, '--out-dir', str(tmp_path)])


def test_coco_and_the_names_its_server_wants(tool, coco_sample_root, tmp_path):
    images = coco_sample_root / 'annotations' / 'panoptic_val2017.json'
    content = json.loads(images.read_text())
    names = [category['name'] for category in content['categories']]
    metric = PanopticMetric('PQ', format_only=True, outfile_prefix=str(tmp_path / 'run'))
    metric.dataset_meta = dict(
        classes=names,
        thing_classes=names[:80],
        category_ids=[category['id'] for category in content['categories']],
    )
    for image in content['images']:
        prediction = np.full((1, image['height'], image['width']), 1000)
        metric.process(
            None,
            [
                dict(
                    img_id=image['id'],
                    img_path=image['file_name'],
                    pred_panoptic_seg=dict(sem_seg=torch.from_numpy(prediction)),
                )
            ],
        )
    metric.evaluate(len(content['images']))
    arguments = ['coco', str(tmp_path / 'run'), '--images', str(images), '--algorithm', 'mine']
    tool.main(arguments)
    name = 'panoptic_test-dev2017_mine_results'
    with zipfile.ZipFile(tmp_path / f'{name}.zip') as archive:
        pngs = [f'{name}/{image["file_name"][:-4]}.png' for image in content['images']]
        assert sorted(archive.namelist()) == sorted([f'{name}.json', *pngs])


def test_problems_are_told_and_nothing_is_zipped(tool, cityscapes, tmp_path, capsys):
    images, prefix = cityscapes
    content = json.loads(images.read_text())
    content['images'] += [dict(content['images'][0], id=f'ulm_{n:06d}_000019') for n in range(30)]
    (tmp_path / 'more.json').write_text(json.dumps(content))
    with pytest.raises(SystemExit, match='1 problems; no zip was written'):
        tool.main(
            ['cityscapes-panoptic', str(prefix), '--images', str(tmp_path / 'more.json')]
            + ['--out-dir', str(tmp_path)]
        )
    assert '30 images of the list have no prediction' in capsys.readouterr().err
    assert not list(tmp_path.glob('*.zip'))


def test_no_image_list(tool, capsys):
    with pytest.raises(SystemExit):
        tool.parse_args(['coco', 'run', '--images', 'nowhere.json'])
    assert 'there is no image list nowhere.json' in capsys.readouterr().err
