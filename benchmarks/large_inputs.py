"""Peak memory of one training step and one prediction of a picture with many pixels and instances.

    python benchmarks/large_inputs.py [--size 4096] [--instances 3000] [--cfg-options KEY=VALUE]

By default the small EINet for COCO's 133 classes, with activation checkpointing. Things are a grid
of squares. In prediction the network runs on noise, and then its logits are replaced by those of
the ground truth, so that there are as many instances to group. Each part runs in a process of its
own, whose largest resident memory is printed; the whole of Python and torch is in it.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.config import Config, DictAction
from mmengine.optim import build_optim_wrapper

from einet.datasets.transforms import PackPanopticInputs
from einet.models import EINet
from einet.models.targets import build_targets
from einet_tools.process_memory import memory

CONFIG = Path(__file__).resolve().parents[1] / 'configs' / 'einet_r18_coco-sample.py'
DECODERS = ['semantic_decoder', 'instance_decoder']
PARTS = ['backbone', *DECODERS, 'semantic_head', 'instance_head', 'centroid_head']


def grid_of_things(
    size: tuple[int, int], instances: int, num_things: int, num_classes: int
) -> DetDataSample:
    """A packed sample: a stuff class behind a grid of squares, of all thing classes by turns."""
    columns = int(np.ceil((instances * size[1] / size[0]) ** 0.5))
    cell = size[1] // columns
    row, column = (np.arange(length) // cell for length in size)
    number = row[:, None] * columns + column
    inside = [np.arange(length) % cell < 0.75 * cell for length in size]
    is_thing = inside[0][:, None] & inside[1] & (column < columns) & (number < instances)
    labels = [num_classes - 1, *(np.arange(instances) % num_things)]
    return PackPanopticInputs().transform(
        dict(
            img=np.zeros((*size, 3), np.uint8),
            gt_seg_map=np.where(is_thing, number + 2, 1).astype(np.uint16),
            segments=dict(
                category=np.array(labels, np.int64),
                is_thing=np.arange(len(labels)) > 0,
                is_crowd=np.zeros(len(labels), bool),
            ),
            num_classes=num_classes,
            img_shape=size,
            ori_shape=size,
            img_path='drawn.png',
            img_id=0,
        )
    )['data_samples']


def train(model: EINet, image: torch.Tensor, sample: DetDataSample, config: Config) -> str:
    """One step of the config's optimizer."""
    model.train()
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    losses = model.train_step(dict(inputs=[image], data_samples=[sample]), wrapper)
    return f'loss {losses["loss"]:.2f}'


def predict(model: EINet, image: torch.Tensor, sample: DetDataSample, config: Config) -> str:
    """One prediction."""
    forward = model._forward
    data = model.data_preprocessor(dict(inputs=[image], data_samples=[sample]), False)

    def forward_as_drawn(inputs: torch.Tensor, samples: object = None) -> tuple:
        maps = forward(inputs)
        targets = build_targets(
            data['data_samples'], maps.heatmap_logits.shape[-2:], model.num_things_classes,
            model.num_classes,
        )  # fmt: skip
        maps.heatmap_logits.copy_(targets.heatmap.logit(eps=1e-4))
        maps.semantic_logits.zero_().scatter_(1, targets.labels[:, None], 10.0)
        return maps

    model.eval()._forward = forward_as_drawn
    with torch.no_grad():
        (result,) = model(**data, mode='predict')
    return f'{len(result.pred_instances)} instances'


def run_part(args: argparse.Namespace) -> None:
    """Run a part in this process, and print what it took."""
    register_all_modules(init_default_scope=True)
    config = Config.fromfile(args.config)
    config.model.activation_checkpointing = PARTS
    config.model.backbone.init_cfg = None
    config.model.data_preprocessor.batch_augments = None
    config.merge_from_dict(args.cfg_options or {})
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    size = (args.size, args.size)
    sample = grid_of_things(size, args.instances, model.num_things_classes, model.num_classes)
    image = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
    start = time.monotonic()
    said = {'train': train, 'predict': predict}[args.part](model, image, sample, config)
    seconds = time.monotonic() - start
    peak = memory('VmHWM') / 2**30
    print(f'{args.part:8} {peak:6.2f} GiB {seconds:7.1f} s  {said}', flush=True)


def main() -> None:
    """Run the parts, or the one that is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--config', default=str(CONFIG))
    parser.add_argument('--size', type=int, default=4096, help='side in pixels (%(default)s)')
    parser.add_argument('--instances', type=int, default=3000, help='(%(default)s)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='as in tools/train.py')
    parser.add_argument('--part', choices=('train', 'predict'), help='in this very process')
    args = parser.parse_args()
    if args.part:
        run_part(args)
        return
    print(f'{args.size} x {args.size}, {args.instances} instances', flush=True)
    for part in ('train', 'predict'):
        command = [sys.executable, __file__, *sys.argv[1:], '--part', part]
        subprocess.run(command, check=True, env={**os.environ, 'OMP_NUM_THREADS': '1'})


if __name__ == '__main__':
    main()
