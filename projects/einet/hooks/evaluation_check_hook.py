"""What an evaluation needs is looked for before the first image."""

from __future__ import annotations

import os
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
    to the folder of ``outfile_prefix``, whether ids and names of images are distinct, and whether
    every image has its ground truth.
    """

    def before_run(self, runner: Runner) -> None:
        """Look; nothing is loaded yet.

        Raises:
            OSError: Results cannot be written.
            ValueError: Ground truth is absent, or images cannot be told apart by id or name.
        """
        for split in ('val', 'test'):
            loop = getattr(runner, f'_{split}_loop')
            if not isinstance(loop, BaseLoop):
                continue
            metrics = [m for m in loop.evaluator.metrics if isinstance(m, PanopticMetric)]
            for prefix in {m.outfile_prefix for m in metrics} - {None}:
                check_folder(Path(prefix).parent, f'{split}_evaluator.outfile_prefix')
            samples = _data_infos(loop.dataloader.dataset) if metrics else []
            for metric in metrics:
                metric.check_data(samples)
            if any(not metric.format_only for metric in metrics):
                _check_ground_truth(samples, split)


def _data_infos(dataset: Any) -> list[dict[str, Any]]:
    """What a data set, or a wrapper of several, says of its images without loading them."""
    if not hasattr(dataset, 'get_data_info'):
        return []
    return [dataset.get_data_info(index) for index in range(len(dataset))]


def _check_ground_truth(samples: list[dict[str, Any]], split: str) -> None:
    without = [
        (info['img_path'], path) for info in samples if _is_absent(path := info.get('seg_map_path'))
    ]
    if without:
        image, path = without[0]
        absent = f'{path} does not exist' if path else 'the annotation file has no annotations'
        raise ValueError(
            f'{split} data: {len(without)} of {len(samples)} images have no ground truth, for '
            f'example {image}: {absent}. Set data_root, data_prefix and ann_file to where it is '
            f'or, to write predictions alone, {split}_evaluator.format_only=True with '
            f'outfile_prefix'
        )


def _is_absent(path: str | None) -> bool:
    """Whether a map is not there; storage other than a disk is not asked."""
    return path is None or ('://' not in path and not os.path.isfile(path))
