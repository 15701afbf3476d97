"""Whole inference of one image beside mmdet's panoptic peers, one thread, untrained weights.

Network and post-processing are timed together, for 133 classes: EINet with plain and with
depthwise-separable convolutions, PanopticFPN and Mask2Former, all on a ResNet-50. Untrained
heatmaps have no peaks; benchmarks/post_processing.py times that part with many instances.

    python benchmarks/network.py [--size 640] [--repeats 3]
"""

import os

os.environ['OMP_NUM_THREADS'] = '1'

import argparse
import statistics
import time
from pathlib import Path

import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.config import Config, ConfigDict
from mmengine.hub import get_config

import einet  # noqa: F401

CONFIG = Path(__file__).resolve().parents[1] / 'configs' / 'einet_r50_coco.py'
PEERS = {
    'PanopticFPN R50': 'mmdet::panoptic_fpn/panoptic-fpn_r50_fpn_1x_coco.py',
    'Mask2Former R50': 'mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco-panoptic.py',
}


def models() -> dict[str, ConfigDict]:
    """Model configs by name."""
    plain, separable = (Config.fromfile(CONFIG).model for _ in range(2))
    for part in ('semantic_decoder', 'instance_decoder', 'semantic_head', 'instance_head'):
        separable[part].separable = True
    separable.centroid_head.separable = True
    configs = {'EINet R50': plain, 'EINet R50, separable': separable}
    configs.update({name: get_config(path).model for name, path in PEERS.items()})
    for config in configs.values():
        config.backbone.init_cfg = None
    return configs


def median_seconds(model: torch.nn.Module, size: int, repeats: int) -> float:
    """Median time of one prediction after a first, uncounted one."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(1, 3, size, size, generator=generator)
    shape = (size, size)
    meta = dict(
        img_shape=shape, ori_shape=shape, pad_shape=shape, batch_input_shape=shape,
        scale_factor=(1.0, 1.0),
    )  # fmt: skip
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        with torch.no_grad():
            model.predict(inputs, [DetDataSample(metainfo=meta)])
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--size', type=int, default=640, help='side of the input (%(default)s)')
    parser.add_argument('--repeats', type=int, default=3, help='timed predictions (%(default)s)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    register_all_modules(init_default_scope=True)
    print(f'{args.size} x {args.size}, 133 classes, one thread, median of {args.repeats}')
    print(f'{"":24}{"seconds":>10}{"parameters":>14}')
    for name, config in models().items():
        torch.manual_seed(0)
        model = MODELS.build(config).eval()
        parameters = sum(p.numel() for p in model.parameters())
        seconds = median_seconds(model, args.size, args.repeats)
        print(f'{name:24}{seconds:10.2f}{parameters / 1e6:12.1f} M', flush=True)


if __name__ == '__main__':
    main()
