"""Merging the views of test-time augmentation: time and memory, one thread.

The network's outputs are made up beforehand, at their real sizes: 1024 x 2048, D = 256, the 7
scales of Cityscapes, plain and flipped. Contents as in benchmarks/post_processing.py. Memory is the
peak of what merging adds to the process; in use, the view in hand and the network come on top.

    python benchmarks/tta.py
    python benchmarks/tta.py --classes 133 --instances 300
"""

import os

os.environ['OMP_NUM_THREADS'] = '1'

import argparse
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from post_processing import NUM_THINGS, SIZE, STUFF_AREA, make_outputs
from torch import Tensor

from einet.functional.resize import Shapes
from einet.functional.views import View, merge_views
from einet.models.fusion import EmbeddingPanopticFusion
from einet_tools.process_memory import memory

SCALES = (1.0, 0.5, 0.75, 1.25, 1.5, 1.75, 2.0)
MIB = 1 << 20


def make_view(outputs: dict[str, Tensor], scale: float, flip: bool) -> View:
    """The outputs as the network would give them for a view."""
    size = tuple(int(length * scale) for length in SIZE)
    maps = [
        F.interpolate(outputs[name][None], size=[n // 4 for n in size], mode='bilinear')[0]
        for name in ('semantic_logits', 'heatmap_logits', 'instance_embedding')
    ]
    if flip:
        maps = [values.flip(-1) for values in maps]
    return View(*maps, Shapes(size, size, SIZE), (False, flip))


def measure(
    fusion: EmbeddingPanopticFusion, name: str, outputs: dict[str, Tensor], scales: tuple[float]
) -> None:
    flips = (False, True) if len(scales) > 1 else (False,)
    views = [make_view(outputs, scale, flip) for scale in scales for flip in flips]
    Path('/proc/self/clear_refs').write_text('5')  # forget the peak so far
    before, start = memory('VmRSS'), time.process_time()
    result = fusion.group(merge_views(views, len(views)))
    seconds = time.process_time() - start
    added = memory('VmHWM') - before
    print(
        f'{name}: {seconds:.2f} s ({seconds / len(views):.2f} s per view), '
        f'{added / MIB:.0f} MiB, {len(result.labels)} instances',
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--instances', type=int, default=100)
    parser.add_argument('--classes', type=int, default=19)
    args = parser.parse_args()
    torch.set_num_threads(1)
    outputs = make_outputs(args.instances)
    logits = outputs['semantic_logits']
    unlikely = torch.full((args.classes - len(logits), *logits.shape[1:]), -4.0)
    outputs['semantic_logits'] = torch.cat((logits, unlikely))
    fusion = EmbeddingPanopticFusion(
        NUM_THINGS, args.classes - NUM_THINGS, top_k=args.instances, stuff_area=STUFF_AREA
    )
    print(f'{SIZE[0]} x {SIZE[1]}, {args.classes} classes, {args.instances} instances, one thread')
    measure(fusion, ' 1 view ', outputs, (1.0,))
    measure(fusion, '14 views', outputs, SCALES)


if __name__ == '__main__':
    main()
