import pytest

from einet.datasets.rules import (
    Category,
    category_findings,
    category_table,
    class_findings,
)

THINGS, STUFF = ('man', 'car'), ('tree', 'sky')
CATEGORIES = [
    dict(id=30, name='sky', isthing=0),
    dict(id=7, name='car', isthing=1),
    dict(id=12, name='tree', isthing=0),
    dict(id=5, name='man', isthing=True),
]


def found(categories):
    return [(f.kind, f.message) for f in category_findings(categories, THINGS, STUFF)]


def test_any_order_is_right():
    for categories in (CATEGORIES, CATEGORIES[::-1]):
        assert found(categories) == []
        assert list(category_table(categories, THINGS, STUFF)) == [5, 7, 12, 30]


def test_all_differences_at_once():
    categories = [
        dict(id=30, name='sky', isthing=1),
        dict(id=7, name='cars', isthing=1),
        dict(id=7, name='tree', isthing=0),
        dict(id=8, name='tree', isthing=0),
        dict(id=9, name='dog'),
        'man',
        dict(id=[], name='dog', isthing=0),
    ]
    assert found(categories) == [
        ('category-fields', "`categories` has {'id': 9, 'name': 'dog'}"),
        ('category-fields', '`categories` has man'),
        ('category-fields', "`categories` has {'id': [], 'name': 'dog', 'isthing': 0}"),
        ('category-id-twice', "id 7: 'cars', 'tree'"),
        ('category-name-twice', "'tree': ids 7, 8"),
        ('class-only-in-config', "only in the config: 'man', 'car'; only in the file: 'cars'"),
        ('class-only-in-file', "only in the file: 'cars'; only in the config: 'man', 'car'"),
        ('thing-or-stuff', "'sky' is stuff in the config and thing in the file (isthing = 1)"),
    ]


def test_table():
    extra = [dict(id=1, name='dog', isthing=1), dict(id=7, name='cat', isthing=0), None]
    table = category_table([*extra, *CATEGORIES], THINGS, STUFF)
    assert list(table.items()) == [
        (5, Category('man', True)),
        (12, Category('tree', False)),
        (30, Category('sky', False)),
        (1, Category('dog', True)),
        # The first of id 7.
        (7, Category('cat', False)),
    ]


def test_a_thing_on_either_side_is_a_thing():
    categories = [dict(c, isthing=1 - c['isthing']) for c in CATEGORIES]
    table = category_table(categories, THINGS, STUFF)
    assert all(category.is_thing for category in table.values())


def test_all_defects_of_the_class_lists_at_once():
    metainfo = dict(thing_classes=(), stuff_classes=('sky', 'sky'), palette=[(1, 2, 3)])
    messages = [finding.message for finding in class_findings(metainfo)]
    assert len(messages) == 3
    assert "repeat 'sky'" in messages[0]
    assert 'thing_classes is empty' in messages[1]
    assert 'palette has 1 colors for 2 classes' in messages[2]


@pytest.mark.parametrize('value', ['car', None, 3, ('car', 7)])
@pytest.mark.parametrize('key', ['thing_classes', 'stuff_classes'])
def test_what_is_no_list_of_names(key, value):
    lists = dict(thing_classes=('man',), stuff_classes=('sky',)) | {key: value}
    (finding,) = class_findings(lists)
    assert finding.kind == 'class-list'
    assert finding.message.startswith(f'metainfo: {key} is {value!r}, not a list of names')
