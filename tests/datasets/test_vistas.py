import numpy as np
from mmdet.registry import DATASETS
from mmengine.config import Config

from einet.datasets import VistasPanopticDataset

from ..paths import CONFIGS
from ..tools.load import load_tool
from ..trees import make_vistas_tree


def test_classes_and_colors():
    meta = VistasPanopticDataset.METAINFO
    assert (len(meta['thing_classes']), len(meta['stuff_classes'])) == (37, 28)
    assert meta['thing_classes'][:3] == ('Bird', 'Ground Animal', 'Crosswalk - Plain')
    colors = dict(
        zip((*meta['thing_classes'], *meta['stuff_classes']), meta['palette'], strict=True)
    )
    assert colors['Car'] == [0, 0, 142]
    assert colors['Road'] == [128, 64, 128]
    assert colors['Wheeled Slow'] == [0, 0, 192]
    assert 'Unlabeled' not in colors


def test_config_crops_images_of_the_release(tmp_path):
    root = make_vistas_tree(tmp_path, train=1, val=1)
    load_tool('dataset_converters/vistas.py').main([str(root), '--workers', '1'])
    config = Config.fromfile(CONFIGS / '_base_' / 'datasets' / 'vistas_panoptic.py')
    dataset = DATASETS.build(dict(config.train_dataloader.dataset, data_root=str(root)))
    np.random.seed(0)  # a crop may miss all instances
    packed = dataset[0]
    assert packed['inputs'].shape == (3, 1025, 1025)
    assert packed['data_samples'].gt_panoptic_seg.shape == (1025, 1025)
    assert len(packed['data_samples'].gt_instances) > 0
    # Label 0 (Bird) has id 1, label 37 (Curb) id 3.
    ids = dataset.category_ids
    assert (ids[0], ids[37], sorted(ids)) == (1, 3, list(range(1, 66)))
    val = DATASETS.build(dict(config.val_dataloader.dataset, data_root=str(root)))[0]
    assert max(val['inputs'].shape) == 2177
