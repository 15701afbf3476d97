import pickle

import pytest

from einet.datasets.rules import KINDS, Finding, FindingError, Severity, locate, raise_first
from tests.datasets.validation.defects import DEFECTS

WARNING = Finding('all-void', 'nothing')
CAR = Finding('category-unknown', 'category_id 8', image_id=0, segment_ids=(9,))


def test_unknown_kind():
    with pytest.raises(ValueError, match="'typo' is no kind of finding; these are: class-list"):
        Finding('typo', '')


def test_severity():
    assert Finding('png-missing', '').severity is Severity.ERROR
    assert Finding('all-void', '').severity is Severity.WARNING


def test_every_kind_has_a_planted_defect():
    # Planted in tests of their own: what no rule knows of, and 65535 segments.
    assert {defect.kind for defect in DEFECTS} | {'loader', 'too-many-segments'} == set(KINDS)


def test_exit_codes_follow_severities():
    for defect in DEFECTS:
        assert (KINDS[defect.kind].severity is Severity.ERROR) == (defect.exit_code == 1)


def test_a_line_says_where_and_what():
    ids = tuple(range(1, 10))
    finding = Finding('stuff-twice', '9 segments', 'a.png', 'x', ids, 'train')
    assert finding.line == 'train, a.png, image x, segment 1, 2, 3, 4, 5, ...: 9 segments'
    assert WARNING.line == 'nothing'


def test_places_are_filled_in_where_they_lack():
    named = Finding('all-void', 'nothing', 'b.png', 7)
    found = locate([WARNING, named, CAR], file='a.json', image_id=3)
    assert [(f.file, f.image_id) for f in found] == [('a.json', 3), ('b.png', 7), ('a.json', 0)]


def test_the_first_error_is_raised_with_its_way_out():
    with pytest.raises(FindingError) as raised:
        raise_first(iter([WARNING, CAR, Finding('png-missing', ''), CAR, CAR]), file='a.json')
    assert str(raised.value) == (
        'a.json, image 0, segment 9: category_id 8 (and 2 more of this kind). A category_id is '
        'not among the categories: correct it, or add the category [category-unknown]'
    )
    assert raised.value.finding.kind == 'category-unknown'
    # Processes that load data send their errors to the one that trains.
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


def test_warnings_are_not_raised():
    raise_first([WARNING, WARNING])
