import pytest
import torch
from mmdet.registry import MODELS

from einet.visualization.network import run_network

from ..models.samples import make_sample
from ..models.tiny import tiny_model, tiny_panoptic_deeplab


@pytest.mark.parametrize(
    ('config', 'channels', 'depth'), [(tiny_model, 2, 8), (tiny_panoptic_deeplab, 1, 2)]
)
def test_prediction_and_maps_without_padding(config, channels, depth):
    torch.manual_seed(0)
    preprocessor = dict(pad_size_divisor=64)
    model = MODELS.build(config(fusion=dict(peak_threshold=0.0), data_preprocessor=preprocessor))
    model.eval()
    sample = make_sample((40, 72), [(0, 8, 8, 30, 30)])
    sample.set_metainfo(dict(ori_shape=(20, 36)))
    data = dict(inputs=torch.randint(0, 256, (3, 40, 72)).byte(), data_samples=sample)
    view = run_network(model, data)
    # The network sees 64 x 128, of which the image covers 10 x 18 cells.
    assert view.heatmap.shape == (channels, 10, 18)
    assert view.embedding.shape == (depth, 10, 18)
    assert 0 <= view.heatmap.min() < view.heatmap.max() <= 1
    assert view.sample.pred_panoptic_seg.sem_seg.shape == (1, 20, 36)
    assert 'pred_panoptic_seg' not in sample
    batch = dict(inputs=[data['inputs']], data_samples=[sample])
    (predicted,) = model.test_step(batch)
    assert torch.equal(predicted.pred_panoptic_seg.sem_seg, view.sample.pred_panoptic_seg.sem_seg)
