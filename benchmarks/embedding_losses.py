"""Cost of ESM and Eq. 1 with few and with many instances per image, beside a mask loop.

Times a forward and a backward pass, on one thread, from the embeddings S and I with their
attentions to V, E and the three terms of Eq. 1, and the gradients of all four inputs. Two ratios
matter: the time with many instances over the time with few (target: at most 1.3), and the peak of
the extra memory, gradients included, over the size of one embedding (target: at most 3).

The peer is the usual implementation, a boolean mask per instance and per category. It takes
minutes, so it sees one image; times are per image on both sides.

    python benchmarks/embedding_losses.py                 # 16 x 256 x 257 x 513; needs 12 GB
    python benchmarks/embedding_losses.py --batch 2
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import torch
from torch import Tensor
from torch.nn.functional import normalize, relu
from torch.utils.checkpoint import checkpoint

from einet.functional.images import split_images
from einet.functional.losses import instance_pull_loss, instance_push_loss, semantic_center_loss
from einet.models.esm import ESM

NUM_CLASSES = 19
IGNORE = 255
"""Categories of Cityscapes."""


def make_inputs(args: argparse.Namespace, batch: int, num_instances: int) -> dict[str, Tensor]:
    """Random embeddings; instances are the cells of a grid, with gaps that belong to none."""
    shape = (batch, args.dims, args.height, args.width)
    rows = max(1, round((num_instances * args.height / args.width) ** 0.5))
    columns = -(-num_instances // rows)
    y = torch.arange(args.height)[:, None] * rows / args.height
    x = torch.arange(args.width) * columns / args.width
    ids = y.long() * columns + x.long()
    in_gap = (y % 1 > 0.9) | (x % 1 > 0.9)
    ids = torch.where(in_gap | (ids >= num_instances), -1, ids)
    labels = (y * 5 / rows).long() * 5 + (x * 5 / columns).long()
    labels = torch.where(labels >= NUM_CLASSES, IGNORE, labels)
    inputs = {name: torch.empty(shape).normal_() for name in ('semantic', 'instance')}
    for name in ('semantic_attention', 'instance_attention'):
        inputs[name] = torch.rand(batch, 1, *shape[2:])
    for tensor in inputs.values():
        tensor.requires_grad_()
    centers = torch.randn(NUM_CLASSES, args.dims)
    return inputs | dict(
        ids=ids.expand(batch, -1, -1), labels=labels.expand(batch, -1, -1), centers=centers
    )


def ours(inputs: dict[str, Tensor], num_instances: int) -> Tensor:
    """The project's functions, image by image."""
    esm = ESM()
    semantic, instance = split_images(inputs['semantic']), split_images(inputs['instance'])
    ids, labels = inputs['ids'], inputs['labels']
    categories = torch.where(labels == IGNORE, -1, labels)
    category_means, _ = esm(semantic, inputs['semantic_attention'], categories, NUM_CLASSES)
    counts = [num_instances] * len(instance)
    summaries = esm(instance, inputs['instance_attention'], ids, counts)

    def image_loss(s: Tensor, i: Tensor, y: Tensor, t: Tensor, means: Tensor) -> Tensor:
        return (
            semantic_center_loss(s.flatten(1).t(), y.flatten(), inputs['centers'])
            + instance_push_loss(means)
            + instance_pull_loss(i.flatten(1).t(), t.flatten(), means)
        )

    total = category_means.square().sum()
    for s, i, y, t, (means, _) in zip(semantic, instance, labels, ids, summaries, strict=True):
        total = total + checkpoint(image_loss, s, i, y, t, means, use_reentrant=False)
    return total


def mask_loop(inputs: dict[str, Tensor], num_instances: int) -> Tensor:
    """The same sums with a mask per category and per instance."""
    total = torch.zeros(())
    images = zip(*(inputs[name] for name in list(inputs)[:-1]), strict=True)
    for s, i, s_attention, i_attention, ids, labels in images:
        for j in labels[labels != IGNORE].unique():
            inside, outside = labels == j, (labels != j) & (labels != IGNORE)
            mean = (s * s_attention * inside).sum((1, 2)) / (s_attention * inside).sum()
            distance = (
                normalize(s, dim=0) - normalize(inputs['centers'][j], dim=0)[:, None, None]
            ).norm(dim=0)
            near = (distance * inside).sum() / inside.sum()
            far = (distance * outside).sum() / outside.sum()
            total = total + relu(near - far + 5) + mean.square().sum()
        means = []
        for k in range(num_instances):
            mask = ids == k
            mean = (i * i_attention * mask).sum((1, 2)) / (i_attention * mask).sum()
            distance = (i - mean[:, None, None]).norm(dim=0)
            total = total + (relu(distance - 0.5) * mask).sum() / mask.sum() / num_instances
            means.append(mean)
        total = total + sum(
            relu(3 - (a - b).norm()) for a in means for b in means if a is not b
        ) / (num_instances * (num_instances - 1))
    return total


def measure(args: argparse.Namespace) -> dict[str, float]:
    """One case in this process: seconds per image, and peak of the extra memory in bytes."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    batch = 1 if args.case == 'mask_loop' else args.batch
    inputs = make_inputs(args, batch, args.instances)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(1 if args.case == 'mask_loop' else args.repeats):
        for tensor in inputs.values():
            tensor.grad = None
        start = time.process_time()
        loss = globals()[args.case](inputs, args.instances)
        loss.backward()
        seconds.append(time.process_time() - start)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gradient = sum(t.grad.abs().sum().item() for t in inputs.values() if t.grad is not None)
    size = inputs['instance'].nbytes
    return dict(
        seconds=min(seconds) / batch,
        memory=(after - before) * 1024 / size,
        loss=loss.item() / batch,
        gradient=gradient / batch,
    )


def run_case(args: argparse.Namespace, case: str, instances: int) -> dict[str, float]:
    """Measure in a process of its own: the peak of a process never goes down."""
    options = [
        f'--{name}={getattr(args, name)}'
        for name in ('batch', 'dims', 'height', 'width', 'repeats')
    ]
    command = [sys.executable, __file__, *options, f'--case={case}', f'--instances={instances}']
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.splitlines()[-1])


def main() -> None:
    """Measure all cases and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--dims', type=int, default=256)
    parser.add_argument('--height', type=int, default=257)
    parser.add_argument('--width', type=int, default=513)
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--case', choices=('ours', 'mask_loop'), help='measure one case only')
    parser.add_argument('--instances', type=int, default=5)
    args = parser.parse_args()
    if args.case:
        print(json.dumps(measure(args)))
        return
    for instances in (5, 200):
        print(instances, run_case(args, 'ours', instances))


if __name__ == '__main__':
    main()
