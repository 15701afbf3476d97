import cv2
import numpy as np
import pytest
from PIL import Image

from einet.video.frames import open_frames
from einet.video.writers import open_writer

# RGB: left red, right blue; then green.
FRAMES = np.zeros((2, 16, 32, 3), np.uint8)
FRAMES[0, :, :16, 0] = 250
FRAMES[0, :, 16:, 2] = 250
FRAMES[1, ..., 1] = 250


def write(path):
    with open_writer(path, fps=5) as writer:
        for frame in FRAMES:
            writer.write(frame)


@pytest.mark.parametrize('name', ['new/some.mp4', 'some.AVI'])
def test_a_movie(name, tmp_path):
    write(tmp_path / name)
    frames = open_frames(str(tmp_path / name))
    assert (frames.count, frames.fps) == (2, 5)
    first, second = (frame[..., ::-1].astype(int) for frame in frames)
    assert np.abs(first - FRAMES[0])[:, 4:12].mean() < 15
    assert np.abs(second - FRAMES[1]).mean() < 15


def test_an_animation(tmp_path):
    write(tmp_path / 'some.gif')
    with Image.open(tmp_path / 'some.gif') as image:
        assert (image.n_frames, image.info['duration']) == (2, 200)
        assert np.abs(np.asarray(image.convert('RGB')).astype(int) - FRAMES[0]).max() < 10
        image.seek(1)
        assert np.abs(np.asarray(image.convert('RGB')).astype(int) - FRAMES[1]).max() < 10


@pytest.mark.parametrize('name', ['some.mp4', 'some.avi'])
def test_a_movie_has_one_size(name, tmp_path):
    with (
        pytest.raises(ValueError, match=rf'{name}: frame 1 is 64 x 32, the first 32 x 16'),
        open_writer(tmp_path / name, fps=5) as writer,
    ):
        writer.write(FRAMES[0])
        writer.write(np.zeros((32, 64, 3), np.uint8))
    assert open_frames(str(tmp_path / name)).count == 1


def test_a_folder(tmp_path):
    write(tmp_path / 'new')
    assert sorted(p.name for p in (tmp_path / 'new').iterdir()) == ['000000.png', '000001.png']
    assert (cv2.imread(str(tmp_path / 'new' / '000000.png'))[..., ::-1] == FRAMES[0]).all()


@pytest.mark.parametrize('name', ['none.mp4', 'none.gif', 'none'])
def test_no_frames_at_all(name, tmp_path):
    with open_writer(tmp_path / name, fps=5):
        pass
    assert not (tmp_path / name).exists()


def test_other_kinds_are_refused(tmp_path):
    with (
        pytest.raises(ValueError, match=r'some\.mov: a video is \.mp4'),
        open_writer(tmp_path / 'some.mov', 5),
    ):
        pass


def test_what_opencv_cannot_write(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2.VideoWriter, 'isOpened', lambda self: False)
    with (
        pytest.raises(ValueError, match=r'OpenCV cannot write .*some\.mp4'),
        open_writer(tmp_path / 'some.mp4', 5) as writer,
    ):
        writer.write(FRAMES[0])
