import json

import pytest

from einet.datasets.conversion.record import (
    Split,
    add_to_journal,
    begin_journal,
    finish,
    read_done,
    write_output,
)

CATEGORIES = [dict(id=1, name='car', isthing=1)]


def entries(image_id):
    annotation = dict(image_id=image_id, file_name=f'{image_id}.png', segments_info=[dict(id=1)])
    return [dict(id=image_id, file_name=f'{image_id}.jpg'), annotation]


@pytest.fixture
def split(tmp_path):
    return Split(tmp_path / 'new' / 'train.json', tmp_path / 'train', CATEGORIES)


def test_nothing_is_done_at_first(split):
    assert read_done(split, ['a']) == {}


def test_the_journal_outlives_a_line_that_is_cut_off(split):
    with begin_journal(split, dict(a=entries('a'))) as journal:
        add_to_journal(journal, entries('b'))
        add_to_journal(journal, entries('c'))
    with split.journal.open('a') as journal:
        journal.write('[{"id": "d"')
    done = read_done(split, ['a', 'c', 'd'])
    assert done == dict(a=entries('a'), c=entries('c'))


def test_a_journal_of_other_categories(split):
    begin_journal(Split(split.json, split.png_folder, []), {}).close()
    with pytest.raises(FileExistsError, match=r'train\.json\.partial exists with other categories'):
        read_done(split, ['a'])


def finished(split, *image_ids, overwrite=False):
    begin_journal(split, {}).close()
    images, annotations = zip(*map(entries, image_ids), strict=True)
    finish(split, list(images), list(annotations), overwrite)


def test_a_finished_split(split, capsys):
    finished(split, 'b', 'a')
    assert not split.journal.exists()
    assert json.loads(split.json.read_text()) == dict(
        images=[entries('b')[0], entries('a')[0]],
        annotations=[entries('b')[1], entries('a')[1]],
        categories=CATEGORIES,
    )
    assert 'train.json: complete, 2 images, 2 segments' in capsys.readouterr().out
    assert read_done(split, ['a', 'b']) == dict(a=entries('a'), b=entries('b'))


@pytest.mark.parametrize('image_ids', [['a'], ['a', 'b', 'c']])
def test_a_finished_split_of_other_images(split, image_ids):
    finished(split, 'a', 'b')
    with pytest.raises(FileExistsError, match=r'other images \(2\).*--overwrite'):
        read_done(split, image_ids)


def test_a_finished_split_of_other_categories(split):
    finished(split, 'a')
    with pytest.raises(FileExistsError, match=r'train\.json exists with other categories'):
        read_done(Split(split.json, split.png_folder, []), ['a'])


def test_the_same_content_in_another_layout_is_kept(split):
    finished(split, 'a')
    text = json.dumps(json.loads(split.json.read_text()), indent=2)
    split.json.write_text(text)
    finished(split, 'a')
    assert split.json.read_text() == text


def test_other_content_is_replaced_only_when_told(split):
    finished(split, 'a')
    with pytest.raises(FileExistsError, match='another content; move it away, or replace it by --'):
        finished(split, 'b')
    assert split.journal.exists()
    finished(split, 'b', overwrite=True)
    assert json.loads(split.json.read_text())['images'] == [entries('b')[0]]


def test_output(tmp_path):
    path = tmp_path / 'a.png'
    for overwrite in (False, True):
        write_output(path, b'first', overwrite)
    with pytest.raises(FileExistsError, match=r'a\.png exists with another content.*--overwrite'):
        write_output(path, b'second', overwrite=False)
    assert path.read_bytes() == b'first'
    write_output(path, b'second', overwrite=True)
    assert path.read_bytes() == b'second'
