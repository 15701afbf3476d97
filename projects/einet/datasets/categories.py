"""Classes of a config against categories of an annotation file: matched by name, never by order."""

import colorsys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..structures.limits import MAX_CLASSES


def complete_metainfo(metainfo: Mapping[str, Any]) -> dict[str, Any]:
    """Check `thing_classes` and `stuff_classes`; add `classes` and `palette` when missing.

    Args:
        metainfo: with `thing_classes` (C_th names) and `stuff_classes` (C_st names); optionally
            `classes` (all C names, things first) and `palette` (C RGB colors).

    Returns:
        A copy with tuples of names: `classes`, `thing_classes`, `stuff_classes`; and `palette`.

    Raises:
        ValueError: when there is no thing class, a name occurs twice, there are too many classes,
            `classes` is not things first, then stuff, or `palette` has another length.
    """
    missing = [key for key in ('thing_classes', 'stuff_classes') if key not in metainfo]
    if missing:
        raise ValueError(
            f'metainfo lacks {" and ".join(missing)}; '
            f"set metainfo=dict(thing_classes=('car', ...), stuff_classes=('road', ...))"
        )
    things, stuff = tuple(metainfo['thing_classes']), tuple(metainfo['stuff_classes'])
    classes = things + stuff
    repeated = [name for name, count in Counter(classes).items() if count > 1]
    if repeated:
        raise ValueError(f'metainfo: thing_classes and stuff_classes repeat {_names(repeated)}')
    if not things:
        raise ValueError(
            'metainfo: thing_classes is empty; label 0 must be a thing, because the panoptic id 0 '
            'is VOID on disk. For stuff alone use a semantic segmentor of mmseg'
        )
    if len(classes) > MAX_CLASSES:
        raise ValueError(
            f'metainfo: {len(classes)} classes, but 8-bit labels hold {MAX_CLASSES} (255 = ignore)'
        )
    given = tuple(metainfo.get('classes', classes))
    if given != classes:
        raise ValueError(_order_message(given, things, stuff))
    palette = metainfo.get('palette') or distinct_colors(len(classes))
    if len(palette) != len(classes):
        raise ValueError(
            f'metainfo: palette has {len(palette)} colors for {len(classes)} classes; '
            f'give one per class in the order of `classes`, or leave it out'
        )
    return dict(
        metainfo, classes=classes, thing_classes=things, stuff_classes=stuff, palette=palette
    )


def match_categories(
    categories: Iterable[Mapping[str, Any]],
    thing_classes: Sequence[str],
    stuff_classes: Sequence[str],
    ann_file: str,
) -> list[int]:
    """Find each class of the config in the annotation file, by name.

    Args:
        categories: of the file; each has `id`, `name` and `isthing`.
        thing_classes: names, labels 0 .. C_th - 1.
        stuff_classes: names, labels C_th .. C - 1.
        ann_file: for the messages.

    Returns:
        (C,) category id of each label.

    Raises:
        ValueError: naming the categories that only one side has, that are a thing on one side and
            stuff on the other, that occur twice, or that lack a field.
    """
    categories = list(categories)
    incomplete = [c for c in categories if not {'id', 'name', 'isthing'} <= c.keys()]
    if incomplete:
        raise ValueError(
            f'{ann_file}: categories need `id`, `name` and `isthing` (0 or 1), but one is '
            f'{incomplete[0]}'
        )
    for key in ('name', 'id'):
        counts = Counter(category[key] for category in categories)
        repeated = [value for value, count in counts.items() if count > 1]
        if repeated:
            raise ValueError(f'{ann_file}: two categories have the same {key}: {_names(repeated)}')
    by_name = {category['name']: category for category in categories}
    classes = (*thing_classes, *stuff_classes)
    lacking = [name for name in classes if name not in by_name]
    extra = [name for name in by_name if name not in set(classes)]
    if lacking or extra:
        raise ValueError(_mismatch_message(lacking, extra, ann_file))
    things = set(thing_classes)
    for is_thing, here, there in ((1, 'stuff_classes', 'things'), (0, 'thing_classes', 'stuff')):
        wrong = [
            name
            for name in classes
            if bool(by_name[name]['isthing']) == is_thing and (name in things) != is_thing
        ]
        if wrong:
            raise ValueError(
                f'metainfo lists {_names(wrong)} in {here}, but in {ann_file} these are {there} '
                f'(isthing = {is_thing}); change one of the two'
            )
    return [by_name[name]['id'] for name in classes]


def distinct_colors(count: int) -> list[tuple[int, int, int]]:
    """`count` RGB colors whose hues are spread by the golden ratio; always the same ones."""
    hues = [(i * 0.618034) % 1.0 for i in range(count)]
    return [
        tuple(round(255 * value) for value in colorsys.hsv_to_rgb(hue, 0.75, 0.65 + 0.3 * (i % 2)))
        for i, hue in enumerate(hues)
    ]


def _order_message(given: Sequence[str], things: Sequence[str], stuff: Sequence[str]) -> str:
    """Say in what `classes` differs from things first, then stuff."""
    expected = set(things) | set(stuff)
    only_given = [name for name in given if name not in expected]
    only_expected = [name for name in (*things, *stuff) if name not in set(given)]
    if only_given or only_expected:
        return (
            'metainfo: classes is not thing_classes followed by stuff_classes: '
            f'only in classes: {_names(only_given)}; not in classes: {_names(only_expected)}. '
            'Leave classes out'
        )
    last_thing = max(given.index(name) for name in things)
    early = [name for name in given[:last_thing] if name in set(stuff)]
    if early:
        return (
            f'metainfo: classes lists stuff before things: {_names(early)} come before '
            f'{given[last_thing]!r}. Things come first (label 0 must be a thing, because the '
            'panoptic id 0 is VOID on disk). Leave classes out: it is thing_classes, then '
            'stuff_classes, whatever the order in the annotation file'
        )
    return (
        'metainfo: classes has the names of thing_classes and stuff_classes in another order, '
        'or repeats some. Leave classes out'
    )


def _mismatch_message(lacking: Sequence[str], extra: Sequence[str], ann_file: str) -> str:
    """Say which categories only one side has."""
    sides = []
    if lacking:
        sides.append(f'only in the config: {_names(lacking)}')
    if extra:
        sides.append(f'only in the file: {_names(extra)}')
    return (
        f'the classes of the config and the categories of {ann_file} differ: {"; ".join(sides)}. '
        "They are matched by name, in any order: correct the dataset's metainfo (thing_classes, "
        'stuff_classes), and the class counts of the model with it, or the file'
    )


def _names(names: Iterable[object]) -> str:
    """Quoted and separated by commas; the first twenty."""
    quoted = [repr(name) for name in names]
    rest = f' and {len(quoted) - 20} more' if len(quoted) > 20 else ''
    return (', '.join(quoted[:20]) or 'none') + rest
