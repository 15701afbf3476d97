import torch

from einet.models.outputs import split_outputs
from einet.panoptic_deeplab import PanopticDeepLabOutputs


def test_images_keep_their_names():
    maps = [torch.randn(2, channels, 3, 4) for channels in (5, 1, 2)]
    _, second = split_outputs(PanopticDeepLabOutputs(*maps))
    assert isinstance(second, PanopticDeepLabOutputs)
    assert second.semantic_logits.equal(maps[0][1])
    assert second.heatmap_logits.equal(maps[1][1])
    assert second.offsets.equal(maps[2][1])
