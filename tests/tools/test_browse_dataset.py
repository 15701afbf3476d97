"""The browser of training targets on a (narrow) model and a (tiny) data set on disk."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from .load import load_tool
from .narrow import bare_annotations, narrow_model


@pytest.fixture(scope='module')
def tool():
    return load_tool('analysis_tools/browse_dataset.py')


@pytest.fixture(scope='module')
def command(tmp_path_factory) -> list[str]:
    """Config and data root, 1 image to train on and 4 to score."""
    config, _, data_root = narrow_model(tmp_path_factory.mktemp('browsed'), 'einet_tiny_shapes.py')
    return [config, '--data-root', data_root, '--not-show']


@pytest.mark.slow
def test_a_file_per_image_and_a_sheet_of_all(tool, command, tmp_path):
    outputs = ['--output-dir', str(tmp_path / 'out'), '--sheet', str(tmp_path / 'all.png')]
    tool.main([*command, *outputs, '--split', 'val', '--num', '3', '--box', '80'])
    files = sorted((tmp_path / 'out').iterdir())
    # Of 4 images: the first, the third (1.5 is rounded to even) and the last.
    assert [file.name[:6] for file in files] == ['000000', '000002', '000003']
    heights = [len(cv2.imread(str(file))) for file in files]
    sheet = cv2.imread(str(tmp_path / 'all.png'))
    # A heading of 60 pixels, and one frame of twice 32 in place of three.
    assert len(sheet) == sum(heights) + 60 - 2 * 64
    assert sheet.shape[1] == 2 * 32 + 4 * 80 + 3 * 14


@pytest.mark.slow
def test_augmentation_follows_from_the_seed(tool, command, tmp_path):
    def draw(seed):
        out = tmp_path / 'sheet.png'
        tool.main([*command, '--sheet', str(out), '--seed', str(seed), '--box', '60'])
        return out.read_bytes()

    assert draw(1) == draw(1) != draw(2)


def test_the_networks_image_is_what_it_was(tool):
    preprocessor = SimpleNamespace(
        mean=torch.tensor([100.0, 50.0, 20.0])[:, None, None],
        std=torch.tensor([2.0, 4.0, 8.0])[:, None, None],
    )
    inputs = torch.tensor([1.0, 2.0, 100.0])[:, None, None].expand(3, 2, 5)
    image = tool.network_image(inputs, preprocessor, is_rgb=True)
    assert image.shape == (2, 5, 3)
    assert image[1, 4].tolist() == [102, 58, 255]
    image = tool.network_image(inputs, preprocessor, is_rgb=False)
    assert image[1, 4].tolist() == [255, 58, 102]
    raw = tool.network_image(inputs, torch.nn.Identity(), is_rgb=True)
    assert np.array_equal(raw[0, 0], [1, 2, 100])


def test_nowhere_to_draw_to_is_an_error(tool):
    with pytest.raises(SystemExit, match='--not-show: give --output-dir FOLDER or --sheet'):
        tool.main(['some.py', '--not-show'])
    with pytest.raises(SystemExit):
        tool.parse_args(['some.py', '--num', '-1'])
    with pytest.raises(SystemExit, match=r'--sheet: all\.jpg must be a \.png file'):
        tool.main(['some.py', '--not-show', '--sheet', 'all.jpg'])


@pytest.mark.slow
def test_data_without_ground_truth_are_refused(tool, command, tmp_path):
    bare = bare_annotations(command[0], command[2], tmp_path)
    options = ['--cfg-options', f'val_dataloader.dataset.ann_file={bare}', '--split', 'val']
    with pytest.raises(SystemExit, match='the val data have no ground truth: choose another'):
        tool.main([*command, *options, '--sheet', str(tmp_path / 'all.png')])


def test_a_model_without_targets_and_a_split_without_data(tool, tmp_path):
    config = tmp_path / 'other.py'
    config.write_text("model = dict(type='mmdet.DetDataPreprocessor')\ntrain_dataloader = dict()")
    outputs = ['--not-show', '--sheet', str(tmp_path / 'sheet.png')]
    with pytest.raises(SystemExit, match=r'other\.py has no train_dataloader'):
        tool.main([str(config), *outputs])
    config.write_text(
        "model = dict(type='mmdet.DetDataPreprocessor')\ntrain_dataloader = dict(dataset=1)"
    )
    with pytest.raises(SystemExit, match='has no build_targets'):
        tool.main([str(config), *outputs])
