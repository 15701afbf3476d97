"""Test-time augmentation: one prediction from several views of an image.

Shape shorthand:
    B: images of a batch
    V: views of an image
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample, SampleList
from mmengine.model import BaseTTAModel
from torch import Tensor

from ..functional.resize import Shapes
from ..functional.views import View, merge_views
from .outputs import split_outputs, write_prediction

# Whether rows and columns are reversed, by what mmcv's RandomFlip writes.
_FLIPS = {
    'horizontal': (False, True),
    'vertical': (True, False),
    'diagonal': (True, True),
}


@MODELS.register_module()
class EINetTTA(BaseTTAModel):
    """Wraps :class:`EINet`: views of an image, scaled and flipped, are merged before grouping.

    ``TestTimeAug`` in the test pipeline makes the views; the first one's scale is the one whose
    cells the heatmap's peaks are sought on, so it should be that of testing without augmentation.
    Instances of different views have no common numbers, so that predictions cannot be merged:
    the network's maps are, see :mod:`einet.functional.views`. Images go through the network one
    by one and view by view, whatever the batch size, which bounds the memory.

    Args:
        module: Config of :class:`EINet`, or the model; ``tools/test.py --tta`` sets it.
        data_preprocessor: Replaces the config's.
    """

    @torch.no_grad()
    def test_step(self, data: dict) -> SampleList:
        """Predict a batch.

        Args:
            data: As ``TestTimeAug`` and the collation give it: ``inputs``, V lists of B images
                (3, H, W), and ``data_samples``, V lists of B samples.

        Returns:
            B samples with the predictions of :meth:`EINet.predict` at the original size, and the
            image's metainfo. They have no ground truth, which was scaled and flipped.

        Raises:
            ValueError: The images come without views.
        """
        inputs, samples = data['inputs'], data['data_samples']
        if not isinstance(samples[0], Sequence):
            raise ValueError(
                'EINetTTA got images without views: the pipeline of test_dataloader must end '
                'with TestTimeAug; tools/test.py --tta puts the tta_pipeline of the config there'
            )
        views = (zip(*view, strict=True) for view in zip(inputs, samples, strict=True))
        return self.merge_preds(list(zip(*views, strict=True)))

    def merge_preds(
        self, data_samples_list: Sequence[Sequence[tuple[Tensor, DetDataSample]]]
    ) -> SampleList:
        """Predict and merge.

        Args:
            data_samples_list: B images, each V views, before the data preprocessor.

        Returns:
            B samples.
        """
        return [self._predict(views) for views in data_samples_list]

    def _predict(self, views: Sequence[tuple[Tensor, DetDataSample]]) -> DetDataSample:
        """Merge the views of one image."""
        result = self.module.fusion.group(merge_views(self._views(views), len(views)))
        merged = DetDataSample(metainfo=views[0][1].metainfo)
        write_prediction(merged, result)
        return merged

    def _views(self, views: Sequence[tuple[Tensor, DetDataSample]]) -> Iterator[View]:
        """Run the network on each view when it is asked for."""
        for image, sample in views:
            yield self._view(image, sample)

    def _view(self, image: Tensor, sample: DetDataSample) -> View:
        data = self.module.data_preprocessor(dict(inputs=[image], data_samples=[sample]), False)
        (outputs,) = split_outputs(self.module.prediction_maps(data['inputs']))
        height, width = data['inputs'].shape[-2:]
        return View(
            **self.module.fusion.checked(outputs),
            shapes=Shapes(
                (height, width), tuple(sample.img_shape[:2]), tuple(sample.ori_shape[:2])
            ),
            flips=_FLIPS[sample.flip_direction] if sample.get('flip') else (False, False),
        )
