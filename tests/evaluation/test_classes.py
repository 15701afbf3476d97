import pytest

from einet.evaluation.classes import PanopticClasses

META = dict(classes=('a', 'b', 'sky'), thing_classes=('b', 'a'), category_ids=[9, 4, 70])


def test_things_are_found_by_name():
    table = PanopticClasses.from_metainfo(META)
    assert table == PanopticClasses(('a', 'b', 'sky'), frozenset({0, 1}), (9, 4, 70))
    assert table.stuff_labels == {2} and len(table) == 3


@pytest.mark.parametrize('key', ['classes', 'thing_classes'])
def test_what_is_missing_is_named(key):
    meta = {name: value for name, value in META.items() if name != key}
    with pytest.raises(KeyError, match=f'lacks `{key}`'):
        PanopticClasses.from_metainfo(meta)


def test_samples_may_have_the_category_ids():
    assert PanopticClasses.from_metainfo(dict(classes=('a',), thing_classes=())).category_ids == ()


def test_no_metainfo():
    with pytest.raises(KeyError, match='lacks `classes`'):
        PanopticClasses.from_metainfo(None)
