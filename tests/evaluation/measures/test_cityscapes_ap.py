"""The numbers of cityscapesScripts, run on written files, from one pass in memory."""

import contextlib
import copy
import io
import warnings

import pytest

from einet.evaluation.measures.cityscapes_ap import instance_ids_path, read_instance_ids
from tests.evaluation import cityscapes_tree

pytest.importorskip('cityscapesscripts')

THINGS = ('person', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle', 'bicycle')


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    return cityscapes_tree.make_tree(tmp_path_factory.mktemp('cityscapes'))


@pytest.fixture(scope='module')
def dataset(tree):
    return cityscapes_tree.make_dataset(tree)


@pytest.fixture(scope='module')
def samples(dataset):
    return cityscapes_tree.predict(dataset)


@pytest.fixture(scope='module')
def ours(samples, dataset, evaluate_all, tmp_path_factory):
    """Metrics of one pass, and the prefix of what it wrote."""
    prefix = tmp_path_factory.mktemp('results') / 'run'
    metrics = evaluate_all(
        samples,
        dataset.metainfo,
        ['PQ', 'cityscapes_AP', 'mIoU'],
        ignore_crowd=False,
        classwise=True,
        outfile_prefix=str(prefix),
    )
    return {key.removeprefix('panoptic/'): value for key, value in metrics.items()}, prefix


def truths(tree, kind):
    return sorted(str(path) for path in tree.glob(f'gtFine/val/*/*_gtFine_{kind}.png'))


def test_instance_level_script(ours, tree, tmp_path, monkeypatch):
    from cityscapesscripts.evaluation import evalInstanceLevelSemanticLabeling as script

    metrics, prefix = ours
    monkeypatch.chdir(tmp_path)  # the script writes matches.json where it stands
    args = copy.copy(script.args)
    args.predictionPath = f'{prefix}.instances'
    args.gtInstancesFile = str(tmp_path / 'gtInstances.json')
    args.JSONOutput, args.quiet = False, True
    paths = truths(tree, 'instanceIds')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        predictions = [script.getPrediction(path, args) for path in paths]
        theirs = script.evaluateImgLists(predictions, paths, args)['averages']
    assert metrics['AP'] == pytest.approx(100 * theirs['allAp'], abs=1e-6)
    assert metrics['AP50'] == pytest.approx(100 * theirs['allAp50%'], abs=1e-6)
    for name in THINGS:
        expected = 100 * theirs['classes'][name]['ap']
        assert metrics[f'AP/{name}'] == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert 1 < metrics['AP'] < 90


def test_panoptic_script(ours, tree):
    from cityscapesscripts.evaluation import evalPanopticSemanticLabeling as script

    metrics, prefix = ours
    folder = tree / 'gtFine' / 'cityscapes_panoptic_val'
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = script.evaluatePanoptic(
            f'{folder}.json',
            str(folder),
            f'{prefix}.panoptic.json',
            f'{prefix}.panoptic',
            str(prefix.parent / 'resultPanoptic.json'),
        )
    for suffix, group in (('', 'All'), ('_th', 'Things'), ('_st', 'Stuff')):
        for name in ('PQ', 'SQ', 'RQ'):
            expected = 100 * theirs[group][name.lower()]
            assert metrics[f'{name}{suffix}'] == pytest.approx(expected, abs=1e-6)
    assert 1 < metrics['PQ'] < 95


def test_pixel_level_script(ours, tree):
    from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as script

    metrics, prefix = ours
    args = copy.copy(script.args)
    args.predictionPath = f'{prefix}.semantic'
    args.evalInstLevelScore, args.JSONOutput, args.quiet = False, False, True
    paths = truths(tree, 'labelIds')
    with contextlib.redirect_stdout(io.StringIO()):
        predictions = [script.getPrediction(args, path) for path in paths]
        theirs = script.evaluateImgLists(predictions, paths, args)
    assert metrics['mIoU'] == pytest.approx(100 * theirs['averageScoreClasses'], abs=1e-6)


def test_folder_of_the_instance_ids(samples, dataset, evaluate_all, tree):
    result = evaluate_all(samples, dataset.metainfo, 'cityscapes_AP')
    prefix = str(tree / 'gtFine' / 'val')
    same = evaluate_all(samples, dataset.metainfo, 'cityscapes_AP', instance_prefix=prefix)
    assert same == result


def test_no_file_is_left_and_none_deleted(samples, dataset, evaluate_all, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evaluate_all(samples, dataset.metainfo, ['PQ', 'cityscapes_AP', 'mIoU'])
    assert not any(tmp_path.iterdir())
    kept = tmp_path / 'out.instances' / 'mine.txt'
    kept.parent.mkdir()
    kept.write_text('mine')
    evaluate_all(samples, dataset.metainfo, 'cityscapes_AP', outfile_prefix=str(tmp_path / 'out'))
    assert kept.read_text() == 'mine'


def test_missing_instance_ids(samples, dataset, evaluate_all, tmp_path):
    with pytest.raises(FileNotFoundError, match='instanceIds PNGs of gtFine'):
        evaluate_all(
            samples, dataset.metainfo, 'cityscapes_AP', instance_prefix=str(tmp_path / 'nowhere')
        )


def test_classes_that_cityscapes_does_not_have(predict_all, coco_meta, evaluate_all):
    with pytest.raises(ValueError, match="Cityscapes' AP is of"):
        evaluate_all(predict_all('val2017')[:1], coco_meta, 'cityscapes_AP')


def test_where_the_instance_ids_are():
    image = '/data/leftImg8bit/cs/leftImg8bit/val/ulm/ulm_000_019_leftImg8bit.png'
    expected = 'val/ulm/ulm_000_019_gtFine_instanceIds.png'
    assert instance_ids_path(image) == f'/data/leftImg8bit/cs/gtFine/{expected}'
    assert instance_ids_path(image, 'else/val/') == f'else/{expected}'
    relative = 'leftImg8bit/val/ulm/ulm_000_019_leftImg8bit.png'
    assert instance_ids_path(relative) == f'gtFine/{expected}'


@pytest.mark.parametrize('path', ['coco/val2017/1.jpg', 'val/ulm/ulm_000_019_leftImg8bit.png'])
def test_images_elsewhere(path):
    with pytest.raises(ValueError, match="not in Cityscapes' layout"):
        instance_ids_path(path)


def test_instance_ids_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match='instance_prefix'):
        read_instance_ids(str(tmp_path / 'a.png'))
    (tmp_path / 'a.png').touch()
    with pytest.raises(ValueError, match='one channel'):
        read_instance_ids(str(tmp_path / 'a.png'))
