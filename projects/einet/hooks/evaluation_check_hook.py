"""What an evaluation needs is looked for before the first image."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from ..evaluation import PanopticMetric
from ..structures.files import check_folder


@HOOKS.register_module()
class EvaluationCheckHook(Hook):
    """Refuse a run whose evaluation would fail at its end.

    Looks, for every :class:`PanopticMetric` of the run's validation and test, whether it can write
    to the folder of ``outfile_prefix`` and whether every image has its ground truth.
    """

    def before_run(self, runner: Runner) -> None:
        """Look; nothing is loaded yet.

        Raises:
            OSError: Results cannot be written.
            ValueError: Ground truth is absent.
        """
        for split in ('val', 'test'):
            loop = getattr(runner, f'_{split}_loop')
            if not isinstance(loop, BaseLoop):
                continue
            metrics = [m for m in loop.evaluator.metrics if isinstance(m, PanopticMetric)]
            for prefix in {m.outfile_prefix for m in metrics} - {None}:
                check_folder(Path(prefix).parent, f'{split}_evaluator.outfile_prefix')
            if any(not metric.format_only for metric in metrics):
                _check_ground_truth(loop.dataloader.dataset, split)


def _check_ground_truth(dataset: Any, split: str) -> None:
    without = list(_without_ground_truth(dataset))
    if without:
        image, path = without[0]
        absent = f'{path} does not exist' if path else 'the annotation file has no annotations'
        raise ValueError(
            f'{split} data: {len(without)} of {len(dataset)} images have no ground truth, for '
            f'example {image}: {absent}. Set data_root, data_prefix and ann_file to where it is '
            f'or, to write predictions alone, {split}_evaluator.format_only=True with '
            f'outfile_prefix'
        )


def _without_ground_truth(dataset: Any) -> Iterator[tuple[str, str | None]]:
    """Images whose map is not there, with its path; storage other than a disk is not asked."""
    for index in range(len(dataset) if hasattr(dataset, 'get_data_info') else 0):
        info = dataset.get_data_info(index)
        path = info.get('seg_map_path')
        if path is None or ('://' not in path and not os.path.isfile(path)):
            yield info.get('img_path', f'number {index}'), path
