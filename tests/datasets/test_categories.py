import pytest

from einet.datasets.categories import complete_metainfo, distinct_colors, match_categories

THINGS, STUFF = ('man', 'car'), ('tree', 'sky')
CATEGORIES = [
    dict(id=30, name='sky', isthing=0),
    dict(id=7, name='car', isthing=1),
    dict(id=12, name='tree', isthing=0),
    dict(id=5, name='man', isthing=1),
]


def metainfo(**kwargs):
    return complete_metainfo(dict(thing_classes=THINGS, stuff_classes=STUFF) | kwargs)


def match(categories, things=THINGS, stuff=STUFF):
    return match_categories(categories, things, stuff, 'set.json')


def test_categories_are_matched_by_name():
    assert match(CATEGORIES) == [5, 7, 12, 30]
    assert match(CATEGORIES[::-1]) == [5, 7, 12, 30]


def test_category_that_the_file_lacks():
    with pytest.raises(
        ValueError,
        match=r"set\.json: only in the config: 'tree', 'sky'; only in the file: none\..*metainfo",
    ):
        match([c for c in CATEGORIES if c['name'] not in STUFF])


def test_category_that_the_config_lacks():
    with pytest.raises(
        ValueError,
        match=r"set\.json: only in the file: 'car'; only in the config: none\..*metainfo",
    ):
        match(CATEGORIES, things=('man',))


def test_misspelled_category_is_named_on_both_sides():
    with pytest.raises(ValueError, match=r"only in the config: 'Man'; only in the file: 'man'"):
        match(CATEGORIES, things=('Man', 'car'))


def test_thing_that_the_file_calls_stuff():
    with pytest.raises(
        ValueError, match=r"set\.json: 'tree' is thing in the config and stuff in the file"
    ):
        match(CATEGORIES, things=('man', 'car', 'tree'), stuff=('sky',))


def test_stuff_that_the_file_calls_a_thing():
    with pytest.raises(
        ValueError, match=r"set\.json: 'car' is stuff in the config and thing in the file"
    ):
        match(CATEGORIES, things=('man',), stuff=('car', 'tree', 'sky'))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(name='bus'), r"id 7: 'car', 'bus'\. Two categories have the same id"),
        (dict(id=99), r"'car': ids 7, 99\. Two categories have the same name"),
    ],
)
def test_repeated_category(changes, message):
    with pytest.raises(ValueError, match=rf'set\.json: {message}'):
        match([*CATEGORIES, CATEGORIES[1] | changes])


def test_category_without_isthing():
    with pytest.raises(ValueError, match=r"set\.json: .*'id': 1.*`isthing` \(0 or 1\)"):
        match([dict(id=1, name='man')])


def test_long_lists_are_cut():
    many = [dict(id=i, name=f'n{i}', isthing=1) for i in range(100, 130)]
    with pytest.raises(ValueError, match=r"'n119' and 10 more"):
        match(CATEGORIES + many)


def test_classes_are_things_then_stuff():
    meta = metainfo(extra=1)
    assert meta['classes'] == ('man', 'car', 'tree', 'sky')
    assert len(set(meta['palette'])) == 4
    assert meta['extra'] == 1
    assert metainfo(classes=['man', 'car', 'tree', 'sky'])['classes'] == meta['classes']


def test_stuff_listed_before_things():
    with pytest.raises(ValueError, match=r"stuff before things: 'sky', 'tree' come before 'car'"):
        metainfo(classes=('sky', 'man', 'tree', 'car'))


def test_classes_in_another_order():
    with pytest.raises(ValueError, match='in another order'):
        metainfo(classes=('car', 'man', 'tree', 'sky'))


def test_classes_with_other_names():
    with pytest.raises(ValueError, match=r"only in classes: 'dog'; not in classes: 'sky'"):
        metainfo(classes=('man', 'car', 'tree', 'dog'))


def test_no_thing_class():
    with pytest.raises(ValueError, match='thing_classes is empty.*VOID'):
        metainfo(thing_classes=())


def test_no_stuff_class():
    assert metainfo(stuff_classes=())['classes'] == THINGS


def test_name_in_both_lists():
    with pytest.raises(ValueError, match="repeat 'car'"):
        metainfo(stuff_classes=('car', 'sky'))


def test_lists_that_are_missing():
    with pytest.raises(ValueError, match='lacks stuff_classes'):
        complete_metainfo(dict(thing_classes=THINGS, classes=THINGS))


def test_palette_of_another_length():
    with pytest.raises(ValueError, match='palette has 3 colors for 4 classes'):
        metainfo(palette=[(0, 0, 0)] * 3)


def test_most_classes():
    names = tuple(f'n{i}' for i in range(250))
    assert len(metainfo(stuff_classes=names[:-1] + names[-1:] + ('a', 'b'))['classes']) == 254
    with pytest.raises(ValueError, match='255 classes, but 8-bit labels hold 254'):
        metainfo(stuff_classes=(*names, 'a', 'b', 'c'))


def test_colors_differ_and_are_rgb():
    colors = distinct_colors(133)
    assert len(set(colors)) == 133
    assert all(0 <= value <= 255 for color in colors for value in color)
