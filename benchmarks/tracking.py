"""How often an object changes its number in a video, with matching and without.

Runs a model on synthetic videos of moving shapes, and numbers its instances in three ways: by
masks and centroid embeddings, by masks alone, and in the order of each frame's peaks (no matching).
An identity switch is an object that was found (IoU above 0.5) with another number than the last
time it was found.

    python benchmarks/tracking.py configs/einet_tiny_shapes.py work_dirs/demo/last.pth
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from mmengine.structures import InstanceData
from mmengine.utils import track_iter_progress

from einet.datasets.conversion.shapes_movie import draw_movie
from einet.datasets.conversion.shapes_scene import Scene
from einet.evaluation.measures.overlaps import count_overlaps
from einet.utils import DetInferencer, build_inferencer
from einet.video import InstanceTracker

WAYS = ('masks and embeddings', 'masks', 'order of peaks')


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of a model for synthetic shapes')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--movies', type=int, default=5)
    parser.add_argument('--frames', type=int, default=60)
    parser.add_argument('--count', type=int, default=12, help='things in a movie')
    parser.add_argument('--size', type=int, default=128, help='side of a frame in pixels')
    parser.add_argument('--speed', type=float, default=0.015, help='share of the side per frame')
    return parser.parse_args()


class Identities:
    """Counts identity switches of one movie."""

    def __init__(self) -> None:
        self.last: dict[int, int] = {}
        self.found = self.switches = 0

    def add(self, scene: Scene, panoptic: np.ndarray, numbers: dict[int, int]) -> None:
        """One frame: ``numbers`` by panoptic id."""
        truth = scene.segment_map.astype(np.int64) + 1
        overlaps = count_overlaps(truth, panoptic)
        areas = np.bincount(truth.ravel()), np.bincount(panoptic.ravel())
        for index, own_id, shared in zip(*(part.tolist() for part in overlaps), strict=True):
            union = areas[0][index] + areas[1][own_id] - shared
            if own_id in numbers and shared > 0.5 * union:
                self.found += 1
                self.switches += self.last.get(index, numbers[own_id]) != numbers[own_id]
                self.last[index] = numbers[own_id]


def number(
    way: str, tracker: InstanceTracker, panoptic: np.ndarray, instances: InstanceData
) -> dict[int, int]:
    """Number of each instance by its panoptic id."""
    ids = instances.panoptic_ids
    if way == 'order of peaks':
        return {own_id: 1 + i for i, own_id in enumerate(ids.tolist())}
    embeddings = instances.get('embeddings') if way == 'masks and embeddings' else None
    numbers = tracker.update(panoptic, ids, instances.labels, embeddings)
    return dict(zip(ids.tolist(), numbers.tolist(), strict=True))


def run_movie(
    inferencer: DetInferencer, seed: int, args: argparse.Namespace
) -> tuple[dict[str, Identities], float]:
    """Switches of each way, and seconds of all matching."""
    counts = {way: Identities() for way in WAYS}
    trackers = {way: InstanceTracker() for way in WAYS}
    seconds = 0.0
    rng = np.random.default_rng([7, seed])
    for scene in draw_movie(rng, args.size, args.count, args.frames, args.speed):
        frame = np.ascontiguousarray(scene.image[..., ::-1])
        sample = inferencer(frame, return_datasamples=True)['predictions'][0]
        panoptic = sample.pred_panoptic_seg.sem_seg[0].numpy().astype(np.int64)
        instances = sample.pred_instances.numpy()
        for way in WAYS:
            start = time.perf_counter()
            numbers = number(way, trackers[way], panoptic, instances)
            seconds += time.perf_counter() - start
            counts[way].add(scene, panoptic, numbers)
    return counts, seconds


def main() -> None:
    """Run all movies."""
    args = parse_args()
    inferencer = build_inferencer(args.config, args.checkpoint, 'cpu')
    movies = [run_movie(inferencer, seed, args) for seed in track_iter_progress(range(args.movies))]
    print('\n\n| numbered by | objects found | identity switches | per 100 found |')
    print('|---|---|---|---|')
    for way in WAYS:
        found = sum(counts[way].found for counts, _ in movies)
        switches = sum(counts[way].switches for counts, _ in movies)
        share = 100 * switches / max(found, 1)
        print(f'| {way} | {found} | {switches} | {share:.2f} |')
    milliseconds = 1000 * sum(seconds for _, seconds in movies) / (2 * args.movies * args.frames)
    print(f'\nmatching takes {milliseconds:.2f} ms a frame')


if __name__ == '__main__':
    main()
