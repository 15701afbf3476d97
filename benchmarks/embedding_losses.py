"""ESM and Eq. 1 with few and with many instances per image, against masks; one thread.

Measured are a forward and a backward pass from the embeddings S and I and their attentions to V,
E and the three terms of Eq. 1, and to the gradients of all four. Goals: the time with 200
instances per image at most 1.3 times that with 5, and a peak of the extra memory, gradients
included, of at most 3 times the size of one embedding.

The peer does what implementations of the discriminative loss do: one boolean mask per instance and
per category selects the pixels. It takes minutes, so it sees one image; the table is per image.
Both are first shown to agree on a small batch.

    python benchmarks/embedding_losses.py              # 16 x 256 x 257 x 513; needs 12 GiB
    python benchmarks/embedding_losses.py --batch 2

Times are of the processor, which on an idle machine is the time that passes; ours is the best of
``--repeats`` passes.
"""

import argparse
import json
import subprocess
import sys
import time

import torch
from torch import Tensor
from torch.nn.functional import normalize, relu

from einet.functional.losses import instance_pull_loss, instance_push_loss, semantic_center_loss
from einet.functional.parts import pixels, split_like, split_rows
from einet.models.esm import ESM
from einet_tools.process_memory import memory

NUM_CLASSES = 19  # Cityscapes'.
IGNORE = 255
COUNTS = (5, 200)
TIME_GOAL, MEMORY_GOAL = 1.3, 3.0
LEAVES = ('semantic', 'instance', 'semantic_attention', 'instance_attention')
Inputs = dict[str, Tensor]


def make_inputs(shape: tuple[int, int, int, int], num_instances: int) -> Inputs:
    """Random embeddings (B, D, h, w); instances are cells of a grid with gaps of void."""
    batch, dims, height, width = shape
    torch.manual_seed(0)
    rows = max(1, round((num_instances * height / width) ** 0.5))
    columns = -(-num_instances // rows)
    y = (torch.arange(height)[:, None] + 0.5) / height
    x = (torch.arange(width) + 0.5) / width
    ids = (y * rows).long() * columns + (x * columns).long()
    in_gap = ((y * rows) % 1 > 0.9) | ((x * columns) % 1 > 0.9)
    ids = torch.where(in_gap | (ids >= num_instances), -1, ids)
    labels = (y * 5).long() * 4 + (x * 4).long()
    labels = torch.where(labels >= NUM_CLASSES, IGNORE, labels)
    return dict(
        semantic=torch.randn(shape).requires_grad_(),
        instance=torch.randn(shape).requires_grad_(),
        semantic_attention=torch.rand(batch, 1, height, width).requires_grad_(),
        instance_attention=torch.rand(batch, 1, height, width).requires_grad_(),
        ids=ids.expand(batch, -1, -1),
        labels=labels.expand(batch, -1, -1),
        centers=torch.randn(NUM_CLASSES, dims),
    )


def ours(inputs: Inputs, num_instances: int) -> Tensor:
    """The project's functions, in bands of rows as in training."""
    esm = ESM()
    semantic, instance = split_rows(inputs['semantic']), split_rows(inputs['instance'])
    ids, labels = inputs['ids'], inputs['labels']
    categories = torch.where(labels == IGNORE, -1, labels)
    category_means = esm(semantic, inputs['semantic_attention'], categories, NUM_CLASSES)
    means = esm(instance, inputs['instance_attention'], ids, num_instances)
    centers = inputs['centers'].expand(len(ids), -1, -1)
    label_bands, id_bands = (
        [band.flatten(1) for band in split_like(maps, semantic)] for maps in (labels, ids)
    )
    total = category_means.square().sum()  # Stands for what uses V.
    total = (
        total
        + semantic_center_loss(
            pixels(semantic), label_bands, centers, category_reduction='sum'
        ).sum()
    )
    total = total + instance_pull_loss(pixels(instance), id_bands, means).sum()
    return total + instance_push_loss(means).sum()


def masks(inputs: Inputs, num_instances: int) -> Tensor:
    """The same sum with a mask per category and per instance."""
    total = torch.zeros(())
    images = zip(*(inputs[name] for name in (*LEAVES, 'labels', 'ids')), strict=True)
    for s, i, s_attention, i_attention, labels, ids in images:
        unit = normalize(s, dim=0)
        for j in labels[labels != IGNORE].unique():
            inside, outside = labels == j, (labels != j) & (labels != IGNORE)
            mean = masked_mean(s, s_attention, inside)
            distance = (unit - normalize(inputs['centers'][j], dim=0)[:, None, None]).norm(dim=0)
            hinge = relu(distance[inside].mean() - distance[outside].mean() + 5)
            total = total + hinge + mean.square().sum()
        means = []
        for k in range(num_instances):
            mask = ids == k
            means.append(masked_mean(i, i_attention, mask))
            distance = (i[:, mask] - means[k][:, None]).norm(dim=0)
            total = total + relu(distance - 0.5).mean() / num_instances
        for k in range(num_instances):
            others = torch.stack(means[:k] + means[k + 1 :])
            push = relu(3 - (others - means[k]).norm(dim=1)).sum()
            total = total + push / (num_instances * (num_instances - 1))
    return total


def masked_mean(embedding: Tensor, attention: Tensor, mask: Tensor) -> Tensor:
    """Weighted mean (D,) of the pixels in the mask."""
    weights = attention[:, mask]
    return (embedding[:, mask] * weights).sum(1) / weights.sum()


def check_agreement() -> None:
    """Both implementations give one loss and one set of gradients."""
    results = []
    for function in (ours, masks):
        inputs = make_inputs((2, 8, 33, 45), num_instances=7)
        loss = function(inputs, 7)
        results.append((loss, *torch.autograd.grad(loss, [inputs[name] for name in LEAVES])))
    torch.testing.assert_close(*results)


def measure(args: argparse.Namespace) -> dict[str, float]:
    """One case in this process: CPU seconds per image, extra memory in embeddings."""
    torch.set_num_threads(1)
    function = {'ours': ours, 'masks': masks}[args.case]
    inputs = make_inputs((args.batch, args.dims, args.height, args.width), args.instances)
    before = memory('VmHWM')
    seconds = []
    for _ in range(args.repeats):
        for name in LEAVES:
            inputs[name].grad = None
        start = time.process_time()
        function(inputs, args.instances).backward()
        seconds.append(time.process_time() - start)
    extra = memory('VmHWM') - before
    return dict(seconds=min(seconds) / args.batch, memory=extra / inputs['instance'].nbytes)


def run_case(args: argparse.Namespace, case: str, instances: int) -> dict[str, float]:
    """Measure in a process of its own, whose peak memory is the case's."""
    alone = dict(batch=1, repeats=1) if case == 'masks' else {}
    options = vars(args) | alone | dict(case=case, instances=instances)
    command = [sys.executable, __file__]
    command += [f'--{name}={value}' for name, value in options.items() if name != 'no_peer']
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(result.stdout.splitlines()[-1])


def report(args: argparse.Namespace) -> None:
    """Measure all cases and print the table."""
    print(f'{args.batch} x {args.dims} x {args.height} x {args.width}, one thread', flush=True)
    print(f'{"":20}{"instances":>10}{"CPU s / image":>15}{"extra memory / embedding":>26}')
    results = {}
    for case in ('ours',) if args.no_peer else ('ours', 'masks'):
        for instances in COUNTS:
            results[case, instances] = result = run_case(args, case, instances)
            name = f'{case} (one image)' if case == 'masks' else case
            seconds, memory = result['seconds'], result['memory']
            print(f'{name:20}{instances:10d}{seconds:15.2f}{memory:26.2f}', flush=True)
    few, many = (results['ours', instances] for instances in COUNTS)
    memory = max(few['memory'], many['memory'])
    ratio = many['seconds'] / few['seconds']
    print(f'time with {COUNTS[1]} over {COUNTS[0]} instances  {ratio:.2f} (goal {TIME_GOAL})')
    print(f'extra memory over embedding        {memory:.2f} (goal {MEMORY_GOAL})')
    if not args.no_peer:
        speedup = results['masks', COUNTS[1]]['seconds'] / many['seconds']
        print(f'faster than masks                  {speedup:.1f} times')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--dims', type=int, default=256)
    parser.add_argument('--height', type=int, default=257)
    parser.add_argument('--width', type=int, default=513)
    parser.add_argument('--repeats', type=int, default=2)
    parser.add_argument('--no-peer', action='store_true')
    parser.add_argument('--case', choices=('ours', 'masks'), help='measure this case only')
    parser.add_argument('--instances', type=int, default=COUNTS[0], help='of that case')
    args = parser.parse_args()
    if args.case is not None:
        print(json.dumps(measure(args)))
        return
    check_agreement()
    report(args)


if __name__ == '__main__':
    main()
