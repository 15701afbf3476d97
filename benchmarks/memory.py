"""Peak memory of a training step, with and without activation checkpointing: docs/memory.md.

    python benchmarks/memory.py [CONFIG ...] [--quarter]

Counts the bytes of all tensors that are alive during one step on a CPU: what a GPU's allocator
reports as allocated, without the workspaces of its convolutions. Weights, gradients and AdamW's
moments are added, 16 bytes per parameter. With --quarter the step has one image of a quarter of the
preset's height and width, and a sixteenth of the limits of what is computed at a time; activations
are then multiplied by 16 and by the batch. Otherwise crop and batch are the preset's.
"""

import argparse
import math
import weakref
from pathlib import Path

import torch
from large_inputs import PARTS, grid_of_things
from mmdet.registry import MODELS
from mmdet.utils import register_all_modules
from mmengine.config import Config
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from einet.functional import task_losses, upsampled_cross_entropy

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
PRESETS = (
    'einet_r50_coco.py', 'einet_r50_cityscapes.py', 'einet_x71_coco.py', 'einet_x71_cityscapes.py',
)  # fmt: skip
INSTANCES = 20


class LiveBytes(TorchDispatchMode):
    """Bytes of the storages that operations made and that are still in use, and their peak.

    Args:
        ignored: Shapes that do not count: parameters' and their gradients'.
    """

    def __init__(self, ignored: set[torch.Size]) -> None:
        super().__init__()
        self.ignored = ignored
        self.now = self.peak = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, function, _types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        """Run an operation and look at what it returns."""
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.shape not in self.ignored:
                self._add(tensor.untyped_storage())
        self.peak = max(self.peak, self.now)
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self.known:
            self.known.add(key)
            self.now += size
            weakref.finalize(storage, self._remove, key, size)

    def _remove(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size


def peak_bytes(config: Config, size: tuple[int, int], batch: int) -> tuple[int, int]:
    """Bytes of activations at the peak, and of what belongs to the parameters."""
    torch.manual_seed(0)
    model = MODELS.build(config.model).train()
    parameters = sum(p.numel() for p in model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    sample = grid_of_things(size, INSTANCES, model.num_things_classes, model.num_classes)
    images = torch.randint(0, 256, (batch, 3, *size), dtype=torch.uint8)
    data = dict(inputs=list(images), data_samples=[sample] * batch)
    with LiveBytes({p.shape for p in model.parameters()}) as live:
        data = model.data_preprocessor(data, training=True)
        sum(model(**data, mode='loss').values()).backward()
    return live.peak, 16 * parameters


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('configs', nargs='*', help='files, or names in configs/')
    parser.add_argument('--quarter', action='store_true', help='compute from a smaller step')
    args = parser.parse_args()
    register_all_modules(init_default_scope=True)
    for module in (task_losses, upsampled_cross_entropy) if args.quarter else ():
        module._CHUNK //= 16
    print('| config | crop | batch | peak | with checkpointing | |\n|---|---|---|---|---|---|')
    for name in args.configs or PRESETS:
        config = Config.fromfile(name if Path(name).exists() else CONFIGS / name)
        height, width = config.model.data_preprocessor.batch_augments[0]['size']
        batch = config.train_dataloader.batch_size
        size, count, factor = (height, width), batch, 1
        if args.quarter:
            size, count = (height // 4, width // 4), 1
            factor = math.prod((height, width, batch)) / math.prod(size)
        config.model.backbone.init_cfg = None
        config.model.data_preprocessor.batch_augments = None
        peaks = []
        for config.model.activation_checkpointing in ([], PARTS):
            activations, fixed = peak_bytes(config, size, count)
            peaks.append(f'{(fixed + factor * activations) / 2**30:.2f} GiB')
        how = 'computed' if args.quarter else 'measured'
        print(
            f'| `{Path(name).stem}` | {height} x {width} | {batch} | {" | ".join(peaks)} | {how} |'
        )


if __name__ == '__main__':
    main()
