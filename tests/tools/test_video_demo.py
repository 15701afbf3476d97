"""The video tool, on a real (untrained, narrow) model and a few frames."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, PixelData

from einet.video import InstanceTracker, open_writer

from .load import load_tool
from .narrow import narrow_model

META = dict(classes=('car', 'dog', 'sky'), thing_classes=('car', 'dog'))


@pytest.fixture(scope='module')
def tool():
    return load_tool('video_demo.py')


def predicted(panoptic, ids, labels):
    sample = DetDataSample()
    sample.pred_panoptic_seg = PixelData(sem_seg=torch.tensor([panoptic], dtype=torch.int32))
    sample.pred_instances = InstanceData(
        panoptic_ids=torch.tensor(ids), labels=torch.tensor(labels)
    )
    return sample


def test_ids_hold_the_number_of_the_object(tool):
    tracker = InstanceTracker()
    first = predicted([[1000, 1000, 2, 2001, 2001, 3]], [1000, 2001], [0, 1])
    panoptic, numbers = tool.numbered_map(first, META, tracker)
    assert panoptic.tolist() == [[1000, 1000, 2, 2001, 2001, 3]]
    assert numbers == {1000: 1, 2001: 2}
    # The dog comes first now, and another dog appears.
    second = predicted([[3000, 3000, 2001, 1001, 1001, 3]], [1001, 2001, 3000], [1, 1, 0])
    panoptic, numbers = tool.numbered_map(second, META, tracker)
    assert panoptic.tolist() == [[1000, 1000, 3001, 2001, 2001, 3]]
    assert numbers == {2001: 2, 3001: 3, 1000: 1}


def test_mistakes_are_answered_at_once(tool, tmp_path, capsys):
    model = ['config.py', 'some.pth']
    for wrong, message in (
        ([], 'nothing would be kept'),
        (['--out', 'some.mov'], r'write a .mp4, .avi, .gif file'),
        (['--out', 'a.mp4', '--fps', '0'], 'must be positive'),
    ):
        with pytest.raises(SystemExit):
            tool.parse_args(['some.mp4', *model, *wrong])
        assert message in capsys.readouterr().err
    (tmp_path / 'broken.mp4').write_bytes(b'nothing')
    with pytest.raises(SystemExit, match=r'ValueError: .*broken\.mp4 is not a video'):
        tool.main([str(tmp_path / 'broken.mp4'), *model, '--out', str(tmp_path / 'out')])


def write_frames(folder, sizes):
    """An image of each (height, width)."""
    folder.mkdir()
    for i, size in enumerate(sizes):
        cv2.imwrite(str(folder / f'{i}.png'), np.full((*size, 3), 90, np.uint8))
    return folder


def test_outputs_never_overwrite_the_video(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, 'build_inferencer', lambda *args: pytest.fail('too late'))
    frames, movie = write_frames(tmp_path / 'frames', [(8, 8)]), tmp_path / 'long.avi'
    with open_writer(movie, 5) as writer:
        writer.write(np.zeros((16, 16, 3), np.uint8))
    for video, options in (
        (movie, ['--out', movie]),
        (frames, ['--out', frames]),
        (frames, ['--out-panoptic', frames]),
        (movie, ['--out', tmp_path / 'new', '--out-panoptic', tmp_path / 'new']),
    ):
        with pytest.raises(SystemExit, match='is an input and would be ov|name two folders'):
            tool.main([str(video), 'c.py', 'some.pth', *map(str, options)])


def test_a_folder_that_has_frames_is_refused(tool, tmp_path):
    frames, taken = write_frames(tmp_path / 'frames', [(8, 8)]), tmp_path / 'taken'
    taken.mkdir()
    (taken / '000007.png').touch()
    for option in ('--out', '--out-panoptic'):
        with pytest.raises(SystemExit, match=f'{option}: .*taken has frames already'):
            tool.main([str(frames), 'c.py', 'some.pth', option, str(taken)])


def test_no_window_is_said_at_the_start(tool, tmp_path, monkeypatch):
    argv = [str(write_frames(tmp_path / 'frames', [(8, 8)])), 'c.py', 'some.pth', '--show']
    monkeypatch.setattr(cv2, 'getBuildInformation', lambda: '  GUI:      NONE\n')
    with pytest.raises(SystemExit, match=r'no windows.*pip install "opencv-python==\d'):
        tool.main(argv)
    monkeypatch.setattr(cv2, 'getBuildInformation', lambda: '  GUI:      QT5\n')
    monkeypatch.setattr(tool.sys, 'platform', 'linux')
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit, match='--show: there is no display'):
        tool.main(argv)


class StubInferencer:
    """Sees sky, and nothing else."""

    visualizer = SimpleNamespace(dataset_meta=META)

    def __call__(self, frame, **kwargs):
        panoptic = torch.full((1, *frame.shape[:2]), 2, dtype=torch.int32)
        sample = DetDataSample(pred_panoptic_seg=PixelData(sem_seg=panoptic))
        sample.pred_instances = InstanceData(
            panoptic_ids=torch.zeros(0, dtype=torch.int64), labels=torch.zeros(0, dtype=torch.int64)
        )
        return dict(predictions=[sample])


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize('end', ['interrupted', 'damaged'])
def test_what_ends_a_video_early_loses_nothing(tool, tmp_path, monkeypatch, end):
    frames, folder = write_frames(tmp_path / 'frames', [(8, 8)] * 3), tmp_path / 'run.v2'
    monkeypatch.setattr(tool, 'build_inferencer', lambda *args: StubInferencer())
    if end == 'damaged':
        (frames / '2.png').write_bytes(b'no image')
    else:
        fill = tool.numbered_map
        calls = iter(range(3))
        monkeypatch.setattr(
            tool, 'numbered_map', lambda *a: fill(*a) if next(calls) < 2 else interrupt()
        )
    with pytest.raises((SystemExit, KeyboardInterrupt)):
        tool.main([str(frames), 'c.py', 'some.pth', '--out-panoptic', str(folder)])
    content = json.loads((tmp_path / 'run.v2.json').read_text())
    assert [a['file_name'] for a in content['annotations']] == ['000000.png', '000001.png']
    assert sorted(path.name for path in folder.iterdir()) == ['000000.png', '000001.png']


def test_more_objects_than_ids(tool, tmp_path):
    last = tool.keep_panoptic(tmp_path, 0, np.array([[16776 * 1000 + 1]]), META)
    assert last.ids.tolist() == [16776002]
    with pytest.raises(ValueError, match='frame 9 shows object 16778, .*cut the video'):
        tool.keep_panoptic(tmp_path, 9, np.array([[16778 * 1000]]), META)


@pytest.mark.slow
def test_frames_to_a_movie_and_cocos_format(tool, tmp_path, capsys):
    config, checkpoint, _ = narrow_model(tmp_path, 'einet_tiny_shapes.py')
    frames = tmp_path / 'frames'
    frames.mkdir()
    image = cv2.imread(str(next((tmp_path / 'set' / 'val').glob('*.jpg'))))
    for i, shift in enumerate((0, 0, 1)):
        cv2.imwrite(str(frames / f'{i}.png'), np.roll(image, shift, axis=1))
    out, panoptic = tmp_path / 'new' / 'out.mp4', tmp_path / 'new' / 'panoptic'
    options = ['--out', str(out), '--out-panoptic', str(panoptic), '--device', 'cpu', '--fps', '5']
    tool.main([str(frames), config, checkpoint, *options])
    movie = cv2.VideoCapture(str(out))
    assert movie.get(cv2.CAP_PROP_FRAME_COUNT) == 3
    assert movie.get(cv2.CAP_PROP_FPS) == 5
    assert movie.read()[1].shape == (400, 400, 3)
    content = json.loads(panoptic.with_suffix('.json').read_text())
    assert [image['file_name'] for image in content['images']] == [
        '000000.png',
        '000001.png',
        '000002.png',
    ]
    ids = [{segment['id'] for segment in a['segments_info']} for a in content['annotations']]
    for annotation, own in zip(content['annotations'], ids, strict=True):
        bgr = cv2.imread(str(panoptic / annotation['file_name'])).astype(int)
        assert set(np.unique(bgr @ [65536, 256, 1]).tolist()) - {0} == own
    # A frame that shows the same has the same objects, under the same ids.
    assert ids[0] == ids[1]
    assert max(ids[0]) >= 1000
    assert '3 frames are in' in capsys.readouterr().out
