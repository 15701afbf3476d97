"""Rules for class lists of a config and categories of a file, which are matched by name.

Shape shorthand:
    C: classes, things first
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ...structures.limits import MAX_CLASSES
from .findings import Finding

_NAMES_SHOWN = 20


class Category(NamedTuple):
    """A category of an annotation file."""

    name: str
    is_thing: bool


def class_findings(metainfo: Mapping[str, Any]) -> Iterator[Finding]:
    """Check the class lists of a config.

    Args:
        metainfo: Lists `thing_classes` and `stuff_classes`; optionally `classes` (C names, things
            first) and `palette` (C RGB colors).

    Yields:
        Lists that are missing, no lists of names, empty, too long, or repeat a name; a list of all
        classes that is not things, then stuff; a palette of another length.
    """
    missing = [key for key in ('thing_classes', 'stuff_classes') if key not in metainfo]
    if missing:
        yield Finding(
            'class-list',
            f'metainfo lacks {" and ".join(missing)}; '
            f"set metainfo=dict(thing_classes=('car', ...), stuff_classes=('road', ...))",
        )
        return
    wrong = [key for key in ('thing_classes', 'stuff_classes') if not _is_names(metainfo[key])]
    for key in wrong:
        yield Finding(
            'class-list',
            f'metainfo: {key} is {metainfo[key]!r}, not a list of names; '
            f"for one class write ('car',)",
        )
    if wrong:
        return
    things, stuff = tuple(metainfo['thing_classes']), tuple(metainfo['stuff_classes'])
    classes = things + stuff
    if repeated := _repeated(classes):
        message = f'metainfo: thing_classes and stuff_classes repeat {_names(repeated)}'
        yield Finding('class-list', message)
    if not things:
        yield Finding(
            'class-list',
            'metainfo: thing_classes is empty; label 0 must be a thing, because the panoptic id 0 '
            'is VOID on disk. For stuff alone use a semantic segmentor of mmseg',
        )
    if len(classes) > MAX_CLASSES:
        message = f'{len(classes)} classes, but 8-bit labels hold {MAX_CLASSES} (255 = ignore)'
        yield Finding('class-list', f'metainfo: {message}')
    given = tuple(metainfo.get('classes', classes))
    if given != classes:
        yield Finding('class-list', f'metainfo: classes {_difference(given, things, stuff)}')
    palette = metainfo.get('palette')
    if palette and len(palette) != len(classes):
        yield Finding(
            'class-list',
            f'metainfo: palette has {len(palette)} colors for {len(classes)} classes; '
            f'give one per class in the order of `classes`, or leave it out',
        )


def _is_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)


def category_findings(
    categories: Sequence[Any], things: Sequence[str], stuff: Sequence[str]
) -> Iterator[Finding]:
    """Compare the categories of a file with the classes of a config, by name and in any order.

    Args:
        categories: Entries of the file, each with `id`, `name` and `isthing`.
        things: Thing classes of the config.
        stuff: Stuff classes of the config.

    Yields:
        Categories that are incomplete, that occur twice, that only one side has, and that are
        things on one side only.
    """
    for category in categories:
        if not _is_complete(category):
            yield Finding('category-fields', f'`categories` has {category}')
    complete = [category for category in categories if _is_complete(category)]
    for category_id in _repeated(category['id'] for category in complete):
        names = _names(c['name'] for c in complete if c['id'] == category_id)
        yield Finding('category-id-twice', f'id {category_id!r}: {names}')
    for name in _repeated(category['name'] for category in complete):
        ids = _names(c['id'] for c in complete if c['name'] == name)
        yield Finding('category-name-twice', f'{name!r}: ids {ids}')
    is_thing = {category['name']: bool(category['isthing']) for category in complete}
    classes = dict.fromkeys(things, True) | dict.fromkeys(stuff, False)
    lacking, extra = (
        [name for name in one if name not in other]
        for one, other in ((classes, is_thing), (is_thing, classes))
    )
    here, there = f'only in the config: {_names(lacking)}', f'only in the file: {_names(extra)}'
    if lacking:
        yield Finding('class-only-in-config', f'{here}; {there}')
    if extra:
        yield Finding('class-only-in-file', f'{there}; {here}')
    for name, thing in classes.items():
        if is_thing.get(name, thing) != thing:
            one, other = ('thing', 'stuff') if thing else ('stuff', 'thing')
            message = f'{name!r} is {one} in the config and {other} in the file'
            yield Finding('thing-or-stuff', f'{message} (isthing = {int(not thing)})')


def category_table(
    categories: Iterable[Any], things: Sequence[str], stuff: Sequence[str]
) -> dict[Hashable, Category]:
    """Look up categories by id; one that is a thing on one side only counts as a thing.

    Args:
        categories: Entries of the file; incomplete ones are left out, of equal ids the first
            counts.
        things: Thing classes of the config.
        stuff: Stuff classes of the config.

    Returns:
        Categories by id: first those of the config in its order, so that a valid file's ids stand
        in the order of the C labels.
    """
    table: dict[Hashable, Category] = {}
    for entry in categories:
        if _is_complete(entry):
            is_thing = bool(entry['isthing']) or entry['name'] in things
            table.setdefault(entry['id'], Category(entry['name'], is_thing))
    labels = {name: label for label, name in enumerate((*things, *stuff))}
    return dict(sorted(table.items(), key=lambda item: labels.get(item[1].name, len(labels))))


def _is_complete(category: Any) -> bool:
    return (
        isinstance(category, dict)
        and type(category.get('id')) in (int, str)
        and isinstance(category.get('name'), str)
        and category.get('isthing') in (0, 1)
    )


def _difference(given: Sequence[str], things: Sequence[str], stuff: Sequence[str]) -> str:
    """Say in what `classes` differs from things first, then stuff, and what to do."""
    expected = {*things, *stuff}
    only_given = [name for name in given if name not in expected]
    only_expected = [name for name in (*things, *stuff) if name not in given]
    if only_given or only_expected:
        return (
            'is not thing_classes followed by stuff_classes: '
            f'only in classes: {_names(only_given)}; not in classes: {_names(only_expected)}. '
            'Leave classes out'
        )
    last_thing = max((given.index(name) for name in things), default=0)
    early = [name for name in given[:last_thing] if name in set(stuff)]
    if early:
        return (
            f'lists stuff before things: {_names(early)} come before {given[last_thing]!r}. Things '
            'come first (label 0 must be a thing, because the panoptic id 0 is VOID on disk). '
            'Leave classes out: it is thing_classes, then stuff_classes, whatever the order in '
            'the annotation file'
        )
    return (
        'has the names of thing_classes and stuff_classes in another order, or repeats some. '
        'Leave classes out'
    )


def _repeated(values: Iterable[Any]) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]


def _names(names: Iterable[object]) -> str:
    """Quoted and separated by commas; the first twenty."""
    quoted = [repr(name) for name in names]
    rest = len(quoted) - _NAMES_SHOWN
    return (', '.join(quoted[:_NAMES_SHOWN]) or 'none') + (f' and {rest} more' if rest > 0 else '')
