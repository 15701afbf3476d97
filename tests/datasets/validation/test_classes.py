import pytest

from einet.datasets.categories import match_categories
from einet.datasets.validation.classes import (
    ClassInfo,
    class_table,
    compare_categories,
    compare_model,
)

THINGS, STUFF = ('man', 'car'), ('tree', 'sky')
CATEGORIES = [
    dict(id=30, name='sky', isthing=0),
    dict(id=7, name='car', isthing=1),
    dict(id=12, name='tree', isthing=0),
    dict(id=5, name='man', isthing=True),
]


def found(categories):
    findings = compare_categories(categories, THINGS, STUFF, 'x.json')
    return [(finding.kind, finding.class_name) for finding in findings]


def test_any_order_is_right():
    assert found(CATEGORIES) == found(CATEGORIES[::-1]) == []
    assert match_categories(CATEGORIES, THINGS, STUFF, 'x.json') == [5, 7, 12, 30]


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
        ('category-fields', ''),
        ('category-fields', ''),
        ('category-fields', ''),
        ('category-id-twice', 'cars'),
        ('category-name-twice', 'tree'),
        ('class-only-in-config', 'man'),
        ('class-only-in-config', 'car'),
        ('class-only-in-file', 'cars'),
        ('thing-or-stuff', 'sky'),
    ]


def test_a_name_that_is_nearly_right():
    categories = [dict(c, name=c['name'].replace('car', 'Car')) for c in CATEGORIES]
    messages = [f.message for f in compare_categories(categories, THINGS, STUFF, 'x.json')]
    assert messages == [
        "'car' is only in the config; the file has 'Car'",
        "'Car' is only in the file; the config has 'car'",
    ]


def test_table():
    extra = [dict(id=1, name='dog', isthing=1), dict(id=7, name='cat', isthing=0), None]
    table = class_table([*CATEGORIES, *extra], THINGS, STUFF)
    assert table.classes == (
        ClassInfo('man', True),
        ClassInfo('car', True),
        ClassInfo('tree', False),
        ClassInfo('sky', False),
        ClassInfo('dog', True),
        ClassInfo('cat', False),
    )
    assert table.rows == {30: 3, 7: 1, 12: 2, 5: 0, 1: 4}
    assert table.num_known == 4


def test_a_thing_on_either_side_is_a_thing():
    categories = [dict(c, isthing=1 - c['isthing']) for c in CATEGORIES]
    assert all(info.is_thing for info in class_table(categories, THINGS, STUFF).classes)


@pytest.mark.parametrize(
    ('model', 'count'),
    [
        (dict(num_things_classes=2, num_stuff_classes=2), 0),
        (dict(num_things_classes=3, num_stuff_classes=1), 2),
        (dict(num_stuff_classes=3), 1),
        ({}, 0),
    ],
)
def test_class_counts_of_the_model(model, count):
    assert len(compare_model(model, THINGS, STUFF)) == count
