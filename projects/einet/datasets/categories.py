"""Classes of a config against categories of an annotation file: matched by name, never by order."""

import colorsys
from collections.abc import Mapping, Sequence
from typing import Any

from .rules import category_findings, category_table, class_findings, raise_first


def complete_metainfo(metainfo: Mapping[str, Any]) -> dict[str, Any]:
    """Check `thing_classes` and `stuff_classes`; add `classes` and `palette` when missing.

    Args:
        metainfo: Lists `thing_classes` (C_th names) and `stuff_classes` (C_st names); optionally
            `classes` (all C names, things first) and `palette` (C RGB colors).

    Returns:
        A copy with tuples of names: `classes`, `thing_classes`, `stuff_classes`; and `palette`.

    Raises:
        ValueError: A rule of :func:`.class_findings` is broken.
    """
    raise_first(class_findings(metainfo))
    things, stuff = tuple(metainfo['thing_classes']), tuple(metainfo['stuff_classes'])
    classes = things + stuff
    palette = metainfo.get('palette') or distinct_colors(len(classes))
    return dict(
        metainfo, classes=classes, thing_classes=things, stuff_classes=stuff, palette=palette
    )


def match_categories(
    categories: Sequence[Mapping[str, Any]],
    thing_classes: Sequence[str],
    stuff_classes: Sequence[str],
    ann_file: str,
) -> list[int | str]:
    """Find each class of the config in the annotation file, by name.

    Args:
        categories: Entries of the file, each with `id`, `name` and `isthing`.
        thing_classes: Names of labels 0 .. C_th - 1.
        stuff_classes: Names of labels C_th .. C - 1.
        ann_file: Path for the messages.

    Returns:
        (C,) category id of each label.

    Raises:
        ValueError: A rule of :func:`.category_findings` is broken.
    """
    raise_first(category_findings(categories, thing_classes, stuff_classes), file=ann_file)
    return list(category_table(categories, thing_classes, stuff_classes))


def distinct_colors(count: int) -> list[tuple[int, int, int]]:
    """`count` RGB colors whose hues are spread by the golden ratio; always the same ones."""
    hues = [(i * 0.618034) % 1.0 for i in range(count)]
    return [
        tuple(round(255 * value) for value in colorsys.hsv_to_rgb(hue, 0.75, 0.65 + 0.3 * (i % 2)))
        for i, hue in enumerate(hues)
    ]
