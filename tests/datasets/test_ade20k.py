from mmdet.registry import DATASETS
from mmengine.config import Config

from einet.datasets.ade20k import SEMANTIC_INDEX, ADE20K150PanopticDataset

from ..paths import CONFIGS
from ..tools.load import load_tool
from ..trees import make_ade20k_tree


def test_classes_and_colors():
    meta = ADE20K150PanopticDataset.METAINFO
    classes = (*meta['thing_classes'], *meta['stuff_classes'])
    assert (len(meta['thing_classes']), len(meta['stuff_classes'])) == (100, 50)
    colors = dict(zip(classes, meta['palette'], strict=True))
    # objectInfo150 and its colors: wall 1, building 2, bed 8, car 21, flag 150.
    assert tuple(colors['wall']) == (120, 120, 120)
    assert tuple(colors['building']) == (180, 120, 120)
    assert tuple(colors['bed']) == (204, 5, 255)
    assert tuple(colors['car']) == (0, 102, 200)
    assert tuple(colors['flag']) == (92, 0, 255)


def test_semantic_ids_of_labels():
    """Pairs of Mask2Former's ade20k_instance_catid_mapping.txt: instance class, semantic value."""
    pairs = {1: 8, 2: 9, 3: 11, 5: 15, 6: 16, 18: 36, 33: 57, 51: 82, 62: 96, 93: 140, 100: 150}
    assert {k: SEMANTIC_INDEX[k - 1] + 1 for k in pairs} == pairs
    assert sorted(SEMANTIC_INDEX) == list(range(150))
    names = ADE20K150PanopticDataset.METAINFO['stuff_classes']
    stuff = dict(zip(names, SEMANTIC_INDEX[100:], strict=True))
    assert (stuff['wall'], stuff['sky'], stuff['crt screen'], stuff['shower']) == (0, 2, 141, 145)


def test_config_crops_converted_images(tmp_path):
    root = make_ade20k_tree(tmp_path, train=1, val=1)
    load_tool('dataset_converters/ade20k.py').main([str(root), '--workers', '1'])
    config = Config.fromfile(CONFIGS / '_base_' / 'datasets' / 'ade20k_panoptic.py')
    # An image made smaller than the crop would stay smaller.
    config.train_dataloader.dataset.pipeline[2].ratio_range = (1.0, 2.0)
    packed = DATASETS.build(dict(config.train_dataloader.dataset, data_root=str(root)))[0]
    assert packed['inputs'].shape == (3, 640, 640)
    assert packed['data_samples'].gt_panoptic_seg.shape == (640, 640)
    val = DATASETS.build(dict(config.val_dataloader.dataset, data_root=str(root)))[0]
    assert val['inputs'].shape == (3, 640, 1067)


def test_mmdets_own_data_set_reads_the_files_too(tmp_path):
    root = make_ade20k_tree(tmp_path, train=1, val=1)
    load_tool('dataset_converters/ade20k.py').main([str(root), '--workers', '1'])
    arguments = dict(
        data_root=str(root),
        ann_file='ade20k_panoptic_val.json',
        data_prefix=dict(img='images/validation/', seg='ade20k_panoptic_val/'),
        test_mode=True,
    )
    theirs = DATASETS.build(dict(type='mmdet.ADE20KPanopticDataset', **arguments))
    ours = DATASETS.build(dict(type='ADE20K150PanopticDataset', **arguments))
    segments = [
        [(s['id'], s['category'], s['is_thing']) for s in dataset[0]['segments_info']]
        for dataset in (theirs, ours)
    ]
    assert segments[0] == segments[1]
