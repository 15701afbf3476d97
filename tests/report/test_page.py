import json
import math
import re

import cv2
import numpy as np
import pytest

from einet.report.page import (
    Page,
    largest_confusions,
    remove_report,
    write_layers,
    write_report,
    write_script,
    write_segments,
)


def page(**changes):
    """A page of two classes with names that are no harmless words."""
    scores = dict(PQ=50.04, SQ=60.0, RQ=70.0, AP=math.nan, IoU=80.0)
    fates = {'found': 3, 'missed': 1, 'invented': 0, 'wrong class': 0, 'too loose': 2}
    return Page(
        **dict(
            title='a <b> & c',
            runs=dict(A='some.pth'),
            num_images=4,
            groups=dict(A=dict(all=scores, things=scores, stuff=scores)),
            class_rows=[
                dict(label=0, name='<i>cat</i>', kind='thing', PQ=12.345, TP=3),
                dict(label=1, name='sky', kind='stuff', PQ=math.nan, TP=0),
            ],
            class_columns=['PQ', 'TP'],
            size_rows=[],
            errors=dict(A=fates),
            confusion=dict(names=['cat'], rows=[[1, 2], [0, 0]], largest=2),
            curves={},
        )
        | changes
    )


def data(**changes):
    layers = [dict(key='prediction', title='prediction'), dict(key='errors', title='errors')]
    return (
        dict(classes=['<i>cat</i>', 'sky'], errors=['missed'], layers=layers, images=[]) | changes
    )


def test_all_that_the_page_loads_is_there(tmp_path):
    text = write_report(tmp_path, page(), data()).read_text()
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', text)
    assert {'report.css', 'report.js', 'data.js'} == set(loaded) - {'data:,'}
    assert all((tmp_path / name).is_file() for name in loaded if name != 'data:,')
    assert '://' not in text.replace('http://www.w3.org', '')


def test_names_are_text_and_numbers_are_rounded_and_sortable(tmp_path):
    text = write_report(tmp_path, page(), data()).read_text()
    assert 'a &lt;b&gt; &amp; c' in text
    assert '<i>cat' not in text
    assert '<td data-key="12.345">12.3</td>' in text
    assert '<td data-key="">-</td>' in text
    assert '<td data-key="3">3</td>' in text
    assert '3 segments were found, 3 are errors' in text
    assert '.too-loose { background: rgb(86 180 233); }' in text


def test_sections_without_anything_say_so_or_are_left_out(tmp_path):
    text = write_report(tmp_path, page(), data()).read_text()
    assert 'There is no thing' in text
    assert 'id="training"' not in text
    text = write_report(tmp_path, page(curves=dict(A='<svg></svg>')), data()).read_text()
    assert '<svg></svg>' in text


def test_two_runs_are_told_apart(tmp_path):
    one = page()
    both = page(
        runs=dict(A='a.pth', B='b.pth'),
        groups=dict(one.groups, B=one.groups['A']),
        errors=dict(one.errors, B=one.errors['A']),
    )
    text = write_report(tmp_path, both, data()).read_text()
    assert '<b>B</b>: b.pth' in text
    assert 'value="differ"' in text
    assert 'value="differ"' not in write_report(tmp_path, one, data()).read_text()


def test_scripts_hold_json(tmp_path):
    content = dict(a=[math.nan, np.float32(0.5)], b=np.int64(3), c=('</script>', None))
    write_script(tmp_path / 'data.js', 'const REPORT = ', content, '')
    text = (tmp_path / 'data.js').read_text()
    assert json.loads(text.removeprefix('const REPORT = ').removesuffix(';\n')) == dict(
        a=[None, 0.5], b=3, c=['</script>', None]
    )


def test_layers_are_files(tmp_path):
    image = np.zeros((8, 12, 3), np.uint8)
    image[:, 6:] = (250, 0, 0)
    write_layers(tmp_path / 'new', dict(image=image))
    read = cv2.imread(str(tmp_path / 'new' / 'image.jpg'))[..., ::-1]
    assert np.abs(read.astype(int) - image).max() < 20


@pytest.mark.parametrize(('limit', 'names'), [(9, ['a', 'c']), (1, ['c', 'other classes'])])
def test_the_largest_confusions_keep_all_numbers(limit, names):
    # Class b has no unmatched segment; c has the most.
    matrix = np.array([[1, 0, 2, 0], [0, 0, 0, 0], [0, 0, 4, 3], [5, 0, 0, 0]])
    shown = largest_confusions(matrix, ['a', 'b', 'c'], limit)
    assert shown['names'] == names
    assert sum(map(sum, shown['rows'])) == 15
    order = {9: [[1, 2, 0], [0, 4, 3], [5, 0, 0]], 1: [[4, 0, 3], [2, 1, 0], [0, 5, 0]]}
    assert shown['rows'] == order[limit]
    assert shown['largest'] == 5


def test_no_confusion_at_all():
    assert largest_confusions(np.zeros((3, 3), int), ['a', 'b']) == dict(
        names=[], rows=[[0]], largest=0
    )


def test_an_earlier_report_is_removed_and_nothing_else(tmp_path):
    for number in ('000000', '000001'):
        write_layers(tmp_path / 'images' / number, {'truth': np.zeros((4, 4, 3), np.uint8)})
        write_segments(tmp_path / 'images' / number, {})
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'images' / '000002').symlink_to(tmp_path / 'elsewhere')
    others = ['notes.txt', 'images/000001/own.jpg', 'images/mine/truth.jpg', 'elsewhere/truth.jpg']
    for name in [*others, 'index.html', 'data.js']:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    remove_report(tmp_path)
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob('*') if p.is_file()}
    assert left == set(others)
    assert not (tmp_path / 'images' / '000000').exists()
    remove_report(tmp_path / 'nowhere')
