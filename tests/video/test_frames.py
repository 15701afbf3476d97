import cv2
import numpy as np
import pytest

from einet.video.frames import open_frames


def picture(value):
    return np.full((20, 32, 3), value, np.uint8)


def test_a_folder_by_the_numbers_in_its_names(tmp_path):
    for name, value in (('frame10.png', 30), ('frame2.png', 20), ('frame1.PNG', 10)):
        cv2.imwrite(str(tmp_path / name), picture(value))
    (tmp_path / 'notes.txt').touch()
    frames = open_frames(str(tmp_path))
    assert (frames.count, frames.fps) == (3, 25)
    assert [frame[3, 4].tolist() for frame in frames] == [[10] * 3, [20] * 3, [30] * 3]
    assert frames.problem is None


def test_16_bits_are_told_once_and_floats_refused(tmp_path, capsys):
    for i in range(2):
        cv2.imwrite(str(tmp_path / f'{i}.png'), picture(0).astype(np.uint16) + 1024)
    assert [frame.max() for frame in open_frames(str(tmp_path))] == [4, 4]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f'{tmp_path}/0.png has 16 bits: its values, 0..1024, are divided by 256')
    cv2.imwrite(str(tmp_path / '2.tif'), picture(0).astype(np.float32))
    with pytest.raises(ValueError, match=r'2\.tif has float32 values: rescale'):
        list(open_frames(str(tmp_path)))


@pytest.fixture
def video(tmp_path):
    path = tmp_path / 'some.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 12.5, (32, 20))
    for value in range(0, 250, 25):
        writer.write(picture(value))
    writer.release()
    return path


def test_a_file(video):
    frames = open_frames(str(video))
    assert (frames.count, frames.fps) == (10, 12.5)
    assert [int(frame.mean().round(-1)) for frame in frames][:3] == [0, 20, 50]
    assert frames.problem is None


def test_a_file_that_is_cut_off_is_no_video(video):
    video.write_bytes(video.read_bytes()[: video.stat().st_size * 2 // 3])
    with pytest.raises(ValueError, match=r'some\.avi is not a video'):
        open_frames(str(video))


def test_fewer_frames_than_announced(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), picture(3))
    frames = open_frames(str(tmp_path))
    frames.count = 4
    assert len(list(frames)) == 1
    assert frames.problem.startswith(f'{tmp_path}: 1 of 4 frames could be read')


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no video or folder .*nowhere\.mp4'):
        open_frames(str(tmp_path / 'nowhere.mp4'))
    with pytest.raises(FileNotFoundError, match='holds no image'):
        open_frames(str(tmp_path))
    with pytest.raises(FileNotFoundError, match='no camera 97'):
        open_frames('97')
    (tmp_path / 'broken.mp4').write_bytes(b'no video at all')
    with pytest.raises(ValueError, match=r'broken\.mp4 is not a video'):
        open_frames(str(tmp_path / 'broken.mp4'))
    (tmp_path / 'broken.png').write_bytes(b'no image')
    with pytest.raises(ValueError, match=r'broken\.png cannot be decoded'):
        list(open_frames(str(tmp_path)))
