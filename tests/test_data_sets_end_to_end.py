"""Each data set from its published folders to its numbers: convert, train, test, compare."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from panopticapi.evaluation import pq_compute
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from einet.evaluation.instance_masks import encode_segments
from einet.structures.id_map import read_id_map

from . import trees
from .commands import run_command
from .paths import CONFIGS, ROOT

pytestmark = pytest.mark.slow

SIZE = (96, 160)
SMALL = [
    'model.backbone.init_cfg=None',
    # An untrained network shall find some instances: it still guesses things too.
    'optim_wrapper.optimizer.lr=1e-6',
    'model.fusion.peak_threshold=0.001',
    'model.fusion.kernel_size=1',
    'model.fusion.top_k=500',
    'model.fusion.stuff_area=0',
    'sync_bn=None',
    'train_cfg.max_iters=2',
    'train_cfg.val_interval=10',
    'train_dataloader.batch_size=2',
    'default_hooks.logger.interval=1',
]
LOADERS = [
    f'{split}_dataloader.{key}'
    for split in ('train', 'val', 'test')
    for key in ('num_workers=0', 'persistent_workers=False')
]


class Outcome(NamedTuple):
    """What a test left behind.

    Attributes:
        root: Folder of the data.
        prefix: Prefix of the written predictions.
        metrics: Values by name, without prefix.
    """

    root: Path
    prefix: Path
    metrics: dict[str, float]


def train_and_test(name: str, root: Path, work_dir: Path) -> Outcome:
    """Two iterations of a public config, then a test that also writes the predictions."""
    crop = [
        'train_dataloader.dataset.pipeline.2.scale=(160,96)',
        'train_dataloader.dataset.pipeline.3.crop_size=(96,64)',
        'model.data_preprocessor.batch_augments.0.size=(64,96)',
    ]
    prefix = work_dir / 'written' / 'run'
    config = CONFIGS / f'{name}.py'
    if not name.endswith('cityscapes'):  # whose images are tested at their own size
        crop += [
            f'{split}_dataloader.dataset.pipeline.2.scale=(160,96)' for split in ('val', 'test')
        ]
    options = ['--data-root', root, '--work-dir', work_dir, '--cfg-options']
    options += [*SMALL, *LOADERS, *crop]
    run_command(sys.executable, ROOT / 'tools' / 'train.py', config, *options, cwd=work_dir)
    run_command(
        sys.executable,
        ROOT / 'tools' / 'test.py',
        config,
        work_dir / 'iter_2.pth',
        *options,
        f'test_evaluator.outfile_prefix={prefix}',
        cwd=work_dir,
    )
    (scores,) = work_dir.glob('*/scores.json')
    metrics = json.loads(scores.read_text())['metrics']
    return Outcome(root, prefix, {key.removeprefix('panoptic/'): v for key, v in metrics.items()})


def convert(tool: str, root: Path) -> None:
    file = ROOT / 'tools' / 'dataset_converters' / tool
    run_command(sys.executable, file, root, '--workers', '2', cwd=root)


@pytest.fixture(scope='module')
def cityscapes(tmp_path_factory):
    root = trees.make_cityscapes_tree(tmp_path_factory.mktemp('cityscapes'), size=SIZE)
    convert('cityscapes.py', root)
    return train_and_test('einet_r50_cityscapes', root, tmp_path_factory.mktemp('work'))


def test_cityscapes_pq_is_that_of_its_script(cityscapes):
    from cityscapesscripts.evaluation import evalPanopticSemanticLabeling as script

    truth = cityscapes.root / 'gtFine' / 'cityscapes_panoptic_val'
    prefix = cityscapes.prefix
    result = prefix.parent / 'result.json'
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = script.evaluatePanoptic(
            f'{truth}.json',
            str(truth),
            f'{prefix}.panoptic.json',
            f'{prefix}.panoptic',
            str(result),
        )
    assert cityscapes.metrics['PQ'] == pytest.approx(100 * theirs['All']['pq'], abs=1e-6)
    assert cityscapes.metrics['SQ_th'] == pytest.approx(100 * theirs['Things']['sq'], abs=1e-6)


def test_cityscapes_ap_is_that_of_its_script(cityscapes, tmp_path, monkeypatch):
    from cityscapesscripts.evaluation import evalInstanceLevelSemanticLabeling as script

    monkeypatch.chdir(tmp_path)  # the script writes matches.json where it stands
    args = copy.copy(script.args)
    args.predictionPath = f'{cityscapes.prefix}.instances'
    args.gtInstancesFile = str(tmp_path / 'truth.json')
    args.JSONOutput, args.quiet = False, True
    paths = sorted(map(str, cityscapes.root.glob('gtFine/val/*/*_gtFine_instanceIds.png')))
    predictions = [script.getPrediction(path, args) for path in paths]
    theirs = script.evaluateImgLists(predictions, paths, args)['averages']
    assert cityscapes.metrics['AP'] == pytest.approx(100 * theirs['allAp'], abs=1e-6)
    texts = sorted(cityscapes.prefix.parent.glob('run.instances/*.txt'))
    assert len(texts) == len(paths) == 2
    assert any(text.read_text() for text in texts)  # something was predicted


def test_cityscapes_miou_is_measured(cityscapes):
    assert 0 <= cityscapes.metrics['mIoU'] <= 100


@pytest.fixture(scope='module', params=['vistas', 'ade20k'])
def coco_style(request, tmp_path_factory):
    """A data set whose numbers are panopticapi's and pycocotools', and its annotation file."""
    root = tmp_path_factory.mktemp(request.param)
    maker, files = {
        'vistas': (trees.make_vistas_tree, ('vistas_panoptic_val.json', 'validation')),
        'ade20k': (trees.make_ade20k_tree, ('ade20k_panoptic_val.json', 'ade20k_panoptic_val')),
    }[request.param]
    maker(root, size=SIZE)
    convert(f'{request.param}.py', root)
    work_dir = tmp_path_factory.mktemp('work')
    tested = train_and_test(f'einet_r50_{request.param}', root, work_dir)
    (annotations,) = root.rglob(files[0])
    return tested, annotations, root / files[1]


def test_pq_is_that_of_panopticapi(coco_style):
    tested, annotations, folder = coco_style
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = pq_compute(
            str(annotations),
            f'{tested.prefix}.panoptic.json',
            gt_folder=str(folder),
            pred_folder=f'{tested.prefix}.panoptic',
        )
    assert tested.metrics['PQ'] == pytest.approx(100 * theirs['All']['pq'], abs=1e-6)
    assert tested.metrics['RQ_st'] == pytest.approx(100 * theirs['Stuff']['rq'], abs=1e-6)


def test_ap_is_that_of_pycocotools(coco_style, tmp_path):
    tested, annotations, folder = coco_style
    content = json.loads(annotations.read_text())
    things = [category for category in content['categories'] if category['isthing']]
    truth = dict(images=content['images'], categories=things, annotations=[])
    for annotation in content['annotations']:
        id_map = read_id_map(str(folder / annotation['file_name']))
        segments = annotation['segments_info']
        for segment, mask in zip(
            segments, encode_segments(id_map, [s['id'] for s in segments]), strict=True
        ):
            if segment['category_id'] in {category['id'] for category in things}:
                truth['annotations'].append(
                    dict(
                        id=len(truth['annotations']) + 1,
                        image_id=annotation['image_id'],
                        category_id=segment['category_id'],
                        iscrowd=segment['iscrowd'],
                        area=int((id_map == segment['id']).sum()),
                        segmentation=dict(mask, counts=mask['counts'].decode()),
                    )
                )
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(truth))
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO(str(path))
        evaluation = COCOeval(gt, gt.loadRes(f'{tested.prefix}.segm.json'), 'segm')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert json.loads(Path(f'{tested.prefix}.segm.json').read_text())
    assert tested.metrics['AP'] == pytest.approx(100 * evaluation.stats[0], abs=1e-6)
