from pathlib import Path

import numpy as np
import pytest

from einet.structures import files
from einet.structures.files import (
    check_file,
    check_folder,
    check_overwrite,
    encode_png,
    read_json,
    read_png,
    write_file,
    write_new,
    write_png,
)


def test_writing_again_replaces_and_leaves_nothing_else(tmp_path):
    for content in (b'first', b'second'):
        write_file(tmp_path / 'new' / 'a.txt', content)
    assert (tmp_path / 'new' / 'a.txt').read_bytes() == b'second'
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['a.txt']


def test_a_failed_write_leaves_the_old_file_alone(tmp_path, monkeypatch):
    write_file(tmp_path / 'a.txt', b'first')

    def fail(self, target):
        assert self.read_bytes() == b'second'
        raise OSError('disk full')

    monkeypatch.setattr(Path, 'replace', fail)
    with pytest.raises(OSError, match='disk full'):
        write_file(tmp_path / 'a.txt', b'second')
    assert (tmp_path / 'a.txt').read_bytes() == b'first'
    assert [path.name for path in tmp_path.iterdir()] == ['a.txt']


def test_a_new_file_replaces_no_other(tmp_path):
    path = tmp_path / 'new' / 'x.json'
    write_new(path, b'first')
    with pytest.raises(FileExistsError, match=r'x\.json exists with another content; move it away'):
        write_new(path, b'second')
    assert path.read_bytes() == b'first'
    assert [path.name for path in path.parent.iterdir()] == ['x.json']


def test_a_file_with_the_same_content_is_left_alone(tmp_path):
    path = tmp_path / 'x.json'
    write_new(path, b'same')
    inode = path.stat().st_ino  # another one after a replacement
    write_new(path, b'same')
    assert path.stat().st_ino == inode


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_a_png_comes_back(tmp_path, dtype):
    image = np.array([[0, 1], [255, np.iinfo(dtype).max], [7, 3]], dtype)
    write_png(tmp_path / 'a.png', image)
    read = read_png(str(tmp_path / 'a.png'))
    assert read.dtype == dtype and (read == image).all()
    assert (tmp_path / 'a.png').read_bytes() == encode_png(image)


def test_channels_and_alpha_stay(tmp_path):
    image = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    write_png(tmp_path / 'a.png', image)
    assert (read_png(str(tmp_path / 'a.png')) == image).all()


@pytest.mark.parametrize('content', [b'', b'\x89PNG', b'no image'])
def test_what_is_no_image_is_none(tmp_path, content):
    (tmp_path / 'a.png').write_bytes(content)
    assert read_png(str(tmp_path / 'a.png')) is None


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_png(str(tmp_path / 'a.png'))


def test_json_is_read(tmp_path):
    (tmp_path / 'a.json').write_text('{"a": [1, 2.5]}')
    assert read_json(tmp_path / 'a.json') == dict(a=[1, 2.5])


def test_what_is_no_json_is_named(tmp_path):
    (tmp_path / 'cut.json').write_text('{"a": [1, ')
    with pytest.raises(ValueError, match=r'cut\.json is not JSON or is cut off: '):
        read_json(tmp_path / 'cut.json')
    with pytest.raises(FileNotFoundError, match=r'nowhere\.json does not exist'):
        read_json(tmp_path / 'nowhere.json')


def test_json_beyond_all_measure_is_refused(tmp_path, monkeypatch):
    (tmp_path / 'deep.json').write_text('[' * 200_000)
    with pytest.raises(ValueError, match=r'deep\.json is not JSON or is cut off: .*recursion'):
        read_json(tmp_path / 'deep.json')
    monkeypatch.setattr(files, 'MAX_JSON_BYTES', 3)
    (tmp_path / 'large.json').write_text('[11]')
    with pytest.raises(ValueError, match=r'large\.json has more than 3 bytes'):
        read_json(tmp_path / 'large.json')


def test_a_folder_is_made_and_left_empty(tmp_path):
    check_folder(tmp_path / 'a' / 'b', '--out')
    assert list((tmp_path / 'a' / 'b').iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named_with_its_setting(tmp_path):
    (tmp_path / 'file').touch()
    for folder in (tmp_path / 'file', tmp_path / 'file' / 'inner'):
        with pytest.raises(OSError, match=f'--out: cannot write to {folder}: '):
            check_folder(str(folder), '--out')


def test_a_file_that_cannot_be_the_result(tmp_path):
    check_file(tmp_path / 'new' / 'some.PNG', '.png', '--out')
    assert (tmp_path / 'new').is_dir()
    with pytest.raises(ValueError, match=r'--out: .*some\.jpg must be a \.png file'):
        check_file(tmp_path / 'some.jpg', '.png', '--out')
    (tmp_path / 'folder.png').mkdir()
    with pytest.raises(ValueError, match=r'folder\.png is a folder: name a file in it'):
        check_file(tmp_path / 'folder.png', '.png', '--out')


def test_an_input_is_not_written_over(tmp_path):
    (tmp_path / 'link').symlink_to(tmp_path / 'some.png')
    check_overwrite([tmp_path / 'other.png'], [tmp_path / 'some.png'], '--out')
    for path in (tmp_path / 'x' / '..' / 'some.png', tmp_path / 'link'):
        with pytest.raises(ValueError, match='--out: .* is an input and would be overwritten'):
            check_overwrite([path], [tmp_path / 'some.png'], '--out')
