"""The classes of the config against the categories of an annotation file: all differences at once.

:func:`einet.datasets.categories.match_categories` stops at the first one, as training should.
"""

import difflib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .findings import Finding

_FIELDS = {'id', 'name', 'isthing'}


class ClassInfo(NamedTuple):
    """A class of the config, or a category that only the file has."""

    name: str
    is_thing: bool


class ClassTable(NamedTuple):
    """All classes of a data set.

    Attributes:
        classes: those of the config, things first, then categories that only the file has.
        rows: row in ``classes`` of each category id of the file.
        num_known: how many of ``classes`` the config has.
    """

    classes: tuple[ClassInfo, ...]
    rows: dict[Hashable, int]
    num_known: int


def compare_categories(
    categories: Sequence[Any], things: Sequence[str], stuff: Sequence[str], ann_file: str
) -> list[Finding]:
    """Compare by name, in any order.

    Args:
        categories: of the file.
        things: names of the thing classes of the config.
        stuff: names of its stuff classes.
        ann_file: path of the file.

    Returns:
        Findings about categories that are incomplete, that occur twice, that only one side has, and
        that are things on one side only.
    """
    found = [
        Finding('category-fields', f'`categories` has {category}', ann_file)
        for category in categories
        if not _is_complete(category)
    ]
    complete = [category for category in categories if _is_complete(category)]
    for key in ('id', 'name'):
        for value, count in Counter(category[key] for category in complete).items():
            if count > 1:
                names = sorted({str(c['name']) for c in complete if c[key] == value})
                found.append(
                    Finding(
                        f'category-{key}-twice',
                        f'{count} categories have {key} {value!r}: {", ".join(names)}',
                        ann_file,
                        class_name=names[0],
                    )
                )
    return found + _compare_names(complete, things, stuff, ann_file)


def _compare_names(
    categories: Iterable[Mapping[str, Any]],
    things: Sequence[str],
    stuff: Sequence[str],
    ann_file: str,
) -> list[Finding]:
    """Names that only one side has, and names that are things on one side only."""
    is_thing = {category['name']: bool(category['isthing']) for category in categories}
    classes = {name: True for name in things} | {name: False for name in stuff}
    lacking = [name for name in classes if name not in is_thing]
    extra = [name for name in is_thing if name not in classes]
    sides = {
        'class-only-in-config': (lacking, extra, 'the config', 'the file'),
        'class-only-in-file': (extra, lacking, 'the file', 'the config'),
    }
    found = [
        Finding(
            kind,
            f'{name!r} is only in {here}{_similar(name, others, there)}',
            ann_file,
            class_name=str(name),
        )
        for kind, (names, others, here, there) in sides.items()
        for name in names
    ]
    for name, thing in classes.items():
        if name in is_thing and is_thing[name] != thing:
            here, there = ('thing', 'stuff') if thing else ('stuff', 'thing')
            message = f'{name!r} is {here} in the config and {there} in the file'
            found.append(Finding('thing-or-stuff', message, ann_file, class_name=name))
    return found


def class_table(
    categories: Sequence[Any], things: Sequence[str], stuff: Sequence[str]
) -> ClassTable:
    """Rows for all classes; one that is a thing on one side only counts as a thing.

    Args:
        categories: of the file; incomplete ones are left out, of equal ids the first one counts.
        things: names of the thing classes of the config.
        stuff: names of its stuff classes.

    Returns:
        The table.
    """
    classes = [ClassInfo(name, True) for name in things]
    classes += [ClassInfo(name, False) for name in stuff]
    by_name = {info.name: row for row, info in enumerate(classes)}
    rows: dict[Hashable, int] = {}
    for category in categories:
        if not _is_complete(category):
            continue
        info = ClassInfo(category['name'], bool(category['isthing']))
        row = by_name.setdefault(info.name, len(classes))
        if row == len(classes):
            classes.append(info)
        # Else every second instance would break the rules for stuff as well.
        elif info.is_thing:
            classes[row] = info
        rows.setdefault(category['id'], row)
    return ClassTable(tuple(classes), rows, len(things) + len(stuff))


def compare_model(
    model: Mapping[str, Any], things: Sequence[str], stuff: Sequence[str]
) -> list[Finding]:
    """Compare the class counts of the model, where it has any, with the data.

    Args:
        model: settings of the model.
        things: names of the thing classes of the data.
        stuff: names of its stuff classes.

    Returns:
        At most one finding per count.
    """
    return [
        Finding(
            'model-class-count',
            f'model.{key} is {model[key]}, but the data set has {len(names)} {group} classes',
        )
        for key, group, names in (
            ('num_things_classes', 'thing', things),
            ('num_stuff_classes', 'stuff', stuff),
        )
        if key in model and model[key] != len(names)
    ]


def _is_complete(category: Any) -> bool:
    return (
        isinstance(category, Mapping)
        and category.keys() >= _FIELDS
        and isinstance(category['id'], Hashable)
        and isinstance(category['name'], str)
        and category['isthing'] in (0, 1)
    )


def _similar(name: str, others: Sequence[str], place: str) -> str:
    """A hint at a name on the other side that may be the same class."""
    close = difflib.get_close_matches(name, others, n=1)
    return f'; {place} has {close[0]!r}' if close else ''
