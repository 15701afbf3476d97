"""The tools that draw a model, on a real (untrained, narrow) model and a real (tiny) data set."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from einet.models import InteractionHead, SemanticEmbeddingHead

from .load import load_tool
from .narrow import bare_annotations, narrow_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def command(tmp_path_factory) -> list[str]:
    """Config and checkpoint of the model, with 4 images to draw."""
    return narrow_model(tmp_path_factory.mktemp('drawn_model'), 'einet_tiny_shapes.py')


def test_a_row_per_image_and_a_column_per_view(command, tmp_path, capsys):
    config, checkpoint, data_root = command
    out = tmp_path / 'new' / 'sheet.png'
    options = ['--data-root', data_root, '--num', '3', '--box', '120', '--device', 'cpu']
    load_tool('analysis_tools/contact_sheet.py').main(
        [config, checkpoint, '--out', str(out), *options]
    )
    height, width, _ = cv2.imread(str(out)).shape
    assert width > 5 * 120
    assert height > 3 * 120
    assert str(out) in capsys.readouterr().out


def test_offsets_take_the_place_of_the_embedding(tmp_path):
    base = 'panoptic_deeplab/panoptic-deeplab_tiny_shapes.py'
    config, checkpoint, data_root = narrow_model(tmp_path, base)
    options = ['--data-root', data_root, '--num', '1', '--box', '60', '--device', 'cpu']
    out = tmp_path / 'sheet.png'
    load_tool('analysis_tools/contact_sheet.py').main(
        [config, checkpoint, '--out', str(out), *options]
    )
    assert cv2.imread(str(out)).shape[1] > 5 * 60


def test_more_images_than_there_are_and_none(command, tmp_path):
    config, checkpoint, data_root = command
    tool = load_tool('analysis_tools/contact_sheet.py')
    few, all_of_them = tmp_path / 'few.png', tmp_path / 'all.png'
    for out, number in ((few, '1'), (all_of_them, '99')):
        options = ['--data-root', data_root, '--num', number, '--box', '60', '--device', 'cpu']
        tool.main([config, checkpoint, '--out', str(out), *options])
    assert len(cv2.imread(str(all_of_them))) - len(cv2.imread(str(few))) >= 3 * 60
    with pytest.raises(SystemExit):
        tool.parse_args([config, checkpoint, '--num', '0'])


@pytest.mark.parametrize('name', ['contact_sheet', 'plot_centers'])
def test_what_cannot_be_drawn_is_said_before_the_work(command, tmp_path, name, monkeypatch):
    config, checkpoint, data_root = command
    tool = load_tool(f'analysis_tools/{name}.py')
    monkeypatch.setattr(tool, 'init_detector', lambda *args, **kwargs: pytest.fail('too late'))
    command = [config, checkpoint, '--data-root', data_root]
    with pytest.raises(SystemExit, match=r'--out: .*some\.svg must be a \.png file'):
        tool.main([*command, '--out', str(tmp_path / 'some.svg')])
    (tmp_path / 'file').touch()
    with pytest.raises(SystemExit, match='--out: cannot write to .*file'):
        tool.main([*command, '--out', str(tmp_path / 'file' / 'some.png')])
    bare = bare_annotations(config, data_root, tmp_path)
    options = ['--cfg-options', f'val_dataloader.dataset.ann_file={bare}']
    with pytest.raises(SystemExit, match='the val data have no ground truth: choose another'):
        tool.main([*command, *options, '--out', str(tmp_path / 'some.png')])


def test_centers_beside_the_pixels(command, tmp_path):
    config, checkpoint, data_root = command
    tool = load_tool('analysis_tools/plot_centers.py')
    out = tmp_path / 'centers.png'
    options = ['--data-root', data_root, '--num', '2', '--pixels', '50', '--device', 'cpu']
    tool.main([config, checkpoint, '--out', str(out), *options])
    assert cv2.imread(str(out)).shape == (500, 1100, 3)
    peer = 'panoptic_deeplab/panoptic-deeplab_tiny_shapes.py'
    config, checkpoint, data_root = narrow_model(tmp_path, peer)
    with pytest.raises(SystemExit, match='PanopticDeepLab has no semantic centers'):
        tool.main([config, checkpoint, '--data-root', data_root, '--device', 'cpu'])


def test_centers_that_the_classifier_takes_for_their_class():
    named_centers = load_tool('analysis_tools/plot_centers.py').named_centers
    sizes = dict(num_things_classes=3, num_stuff_classes=1, embed_dims=2)
    interaction = InteractionHead(**sizes, centers=dict(type='SemanticCenters'), center_length=10.0)
    head = SemanticEmbeddingHead(in_channels=4, embed_dims=2, num_classes=4)
    with torch.no_grad():
        head.classifier.weight.copy_(torch.eye(4, 2)[:, :, None, None])
        head.classifier.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
    centers = interaction.centers
    centers.centers.copy_(torch.tensor([[0.6, 0.8], [0.0, 0.5], [9.0, 9.0], [1.0, 0.0]]))
    centers.seen.copy_(torch.tensor([True, True, False, True]))
    model = SimpleNamespace(num_things_classes=3, interaction=interaction, semantic_head=head)
    # At a length of 10 the bias of 1 decides nothing: (6, 8) is taken for 1, and (0, 10) is.
    assert named_centers(model) == (1, 2)
    centers.centers[0] = torch.tensor([0.9, 0.1])
    assert named_centers(model) == (2, 2)


def test_image_demo_draws_with_the_inferencer_of_mmdet(command, tmp_path):
    config, checkpoint, data_root = command
    image = Path(data_root) / 'val' / '000000000002.jpg'
    (tmp_path / 'truncated.jpg').write_bytes(image.read_bytes()[:200])
    (tmp_path / 'whole.jpg').write_bytes(image.read_bytes())
    options = ['--out-dir', str(tmp_path / 'out'), '--device', 'cpu']
    options += ['--cfg-options', f'test_dataloader.dataset.data_root={data_root}']
    with pytest.raises(SystemExit, match=r'truncated\.jpg'):
        load_tool('image_demo.py').main([str(tmp_path), config, checkpoint, *options])
    drawn = cv2.imread(str(tmp_path / 'out' / 'whole.png'))
    assert drawn.shape == (400, 400, 3)
    assert np.unique(drawn.reshape(-1, 3), axis=0).shape[0] > 10
