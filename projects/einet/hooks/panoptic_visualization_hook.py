"""Drawings of a test under the images' own names, folders included."""

from __future__ import annotations

import os.path as osp
from collections.abc import Sequence

import mmcv
from mmdet.engine.hooks import DetVisualizationHook
from mmdet.registry import HOOKS
from mmdet.structures import DetDataSample
from mmengine.fileio import get
from mmengine.runner import Runner


@HOOKS.register_module()
class PanopticVisualizationHook(DetVisualizationHook):
    """mmdet's hook, but drawings of a test keep the folder of their image.

    mmdet names a drawing by the image's base name, so that of two images ``a/000.png`` and
    ``b/000.png`` only one is kept. Here it is ``file_name`` of the sample, the path below
    ``data_prefix['img']``. The arguments are those of :class:`DetVisualizationHook`.
    """

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict,
        outputs: Sequence[DetDataSample],
    ) -> None:
        """Draw the batch.

        Args:
            runner: Gives ``work_dir`` and ``timestamp``, where a relative ``test_out_dir`` lies.
            batch_idx: Not used.
            data_batch: Not used.
            outputs: Samples with predictions.
        """
        if not self.draw:
            return
        for sample in outputs:
            self._test_index += 1
            image = mmcv.imfrombytes(
                get(sample.img_path, backend_args=self.backend_args), channel_order='rgb'
            )
            name = sample.get('file_name') or osp.basename(sample.img_path)
            out_file = None
            if self.test_out_dir is not None:
                out_file = osp.join(runner.work_dir, runner.timestamp, self.test_out_dir, name)
            self._visualizer.add_datasample(
                name if self.show else 'test_img',
                image,
                data_sample=sample,
                show=self.show,
                wait_time=self.wait_time,
                pred_score_thr=self.score_thr,
                out_file=out_file,
                step=self._test_index,
            )
