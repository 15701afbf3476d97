"""A training step of EINet beside Panoptic-DeepLab's, by part; one thread.

Steps of the two alternate in one process, so that a busy machine slows both alike, and the table
has medians of the processor's time: the network's forward pass, targets and losses, the backward
pass, and the optimizer with the commit of Q. The last column counts the operations of the network's
forward pass: what the layers alone make of the ratio. Images are noise with a grid of instances, in
classes of their own; the weights are untrained.

    python benchmarks/training_step.py                  # the small presets, as trained on nuclei
    python benchmarks/training_step.py --case coco      # ResNet-50, 133 classes, 100 instances
    python benchmarks/training_step.py --case batches   # the small presets, 2, 8 and 32 images
"""

import os

os.environ['OMP_NUM_THREADS'] = '1'

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.config import Config
from torch.utils.flop_counter import FlopCounterMode

import einet  # noqa: F401
from einet.datasets.transforms import PackPanopticInputs

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
SMALL = ('einet_r18_nuclei.py', 'panoptic_deeplab/panoptic-deeplab_r18_nuclei.py')
LARGE = ('einet_r50_coco.py', 'panoptic_deeplab/panoptic-deeplab_r50_coco.py')
# Configs, and batches: images, side, most instances of an image.
CASES = {
    'nuclei': (SMALL, [(4, 192, 30)]),
    'coco': (LARGE, [(1, 512, 100)]),
    'batches': (SMALL, [(2, 256, 30), (8, 256, 30), (32, 256, 30)]),
}
PARTS = ('forward', 'losses', 'backward', 'optimizer')


class TimedStep:
    """A detector with its optimizer; every step's times are kept.

    Args:
        config: Config file.
    """

    def __init__(self, config: str) -> None:
        settings = Config.fromfile(CONFIGS / config).model
        settings.backbone.init_cfg = None
        torch.manual_seed(0)
        self.model = MODELS.build(settings).train()
        self.optimizer = torch.optim.AdamW(self.model.parameters())
        self.times: dict[str, list[float]] = {part: [] for part in PARTS}
        self._network, self.model._forward = self.model._forward, self._forward

    def _forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs = self._network(inputs)
        self._note('forward')
        return outputs

    def _note(self, part: str) -> None:
        now = time.process_time()
        self.times[part].append(now - self._last)
        self._last = now

    def run(self, inputs: torch.Tensor, samples: list[DetDataSample]) -> None:
        """One step."""
        self._last = time.process_time()
        loss = sum(self.model.loss(inputs, samples).values())
        self._note('losses')
        loss.backward()
        self._note('backward')
        self.optimizer.step()
        self.optimizer.zero_grad()
        if hasattr(self.model, 'interaction'):
            self.model.interaction.centers.commit()
        self._note('optimizer')

    def operations(self, inputs: torch.Tensor) -> int:
        """Multiplications and additions of the network for a batch."""
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            self._network(inputs)
        return counter.get_total_flops()

    def medians(self) -> list[float]:
        """Seconds by part, without the first step."""
        return [statistics.median(self.times[part][1:]) for part in PARTS]


def make_sample(
    size: int, num_instances: int, num_things: int, num_classes: int, seed: int
) -> DetDataSample:
    """Instances are cells of a grid with gaps of stuff; a tenth of the image is void."""
    generator = np.random.default_rng(seed)
    side = int(np.ceil(num_instances**0.5))
    cell, place = np.divmod(np.arange(size) * side, size)
    index_map = 1 + cell[:, None] * side + cell
    in_gap = (place[:, None] > 0.8 * size) | (place > 0.8 * size)
    last = num_instances + 1
    index_map = np.where(in_gap | (index_map > num_instances), last, index_map)
    index_map[: size // 10] = 0
    category = generator.integers(0, num_things, last)
    category[-1] = generator.integers(num_things, num_classes)
    results = dict(
        img=np.zeros((size, size, 3), np.uint8),
        gt_seg_map=index_map.astype(np.uint16),
        segments=dict(
            category=category,
            is_thing=np.arange(last) < num_instances,
            is_crowd=np.zeros(last, bool),
        ),
        num_classes=num_classes,
    )
    return PackPanopticInputs().transform(results)['data_samples']


def make_batch(
    images: int, size: int, num_instances: int, model: torch.nn.Module
) -> tuple[torch.Tensor, list[DetDataSample]]:
    """Noise; the images' numbers of instances fall from the most to half of it."""
    counts = np.linspace(num_instances, num_instances / 2, images).astype(int)
    classes = (model.num_things_classes, model.num_classes)
    samples = [make_sample(size, count, *classes, seed) for seed, count in enumerate(counts)]
    generator = torch.Generator().manual_seed(0)
    return torch.randn(images, 3, size, size, generator=generator), samples


def report(configs: tuple[str, str], batch: tuple[int, int, int], steps: int) -> None:
    """Time one batch and print its table."""
    images, size, num_instances = batch
    print(f'\n{images} x {size} x {size}, up to {num_instances} instances, {configs[0]}')
    header = ''.join(f'{part:>11}' for part in (*PARTS, 'step'))
    print(f'{"":20}{header}   losses  Gflop', flush=True)
    detectors = {name: TimedStep(config) for name, config in zip(NAMES, configs, strict=True)}
    data = make_batch(*batch, detectors['EINet'].model)
    for _ in range(steps + 1):
        for detector in detectors.values():
            detector.run(*data)
    totals, operations = {}, {}
    for name, detector in detectors.items():
        seconds = detector.medians()
        totals[name], operations[name] = sum(seconds), detector.operations(data[0])
        row = ''.join(f'{value:11.4f}' for value in (*seconds, totals[name]))
        print(f'{name:20}{row}{seconds[1] / totals[name]:9.1%}{operations[name] / 1e9:7.1f}')
    ratios = [values['EINet'] / values['Panoptic-DeepLab'] for values in (totals, operations)]
    print('EINet over Panoptic-DeepLab: step {:.3f}, operations {:.3f}'.format(*ratios))


NAMES = ('EINet', 'Panoptic-DeepLab')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--case', choices=CASES, default='nuclei')
    parser.add_argument('--steps', type=int, default=20, help='timed steps (%(default)s)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    register_all_modules(init_default_scope=True)
    configs, batches = CASES[args.case]
    for batch in batches:
        report(configs, batch, args.steps)


if __name__ == '__main__':
    main()
