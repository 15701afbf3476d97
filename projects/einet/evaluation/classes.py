"""What measures need to know about the classes of a data set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PanopticClasses:
    """The C classes by label, things first.

    Args:
        names: (C,) by label.
        thing_labels: Labels of the thing classes.
        category_ids: (C,) annotation file's id of each label; empty when not known.
    """

    names: tuple[str, ...]
    thing_labels: frozenset[int]
    category_ids: tuple[int, ...] = ()

    @classmethod
    def from_metainfo(
        cls, metainfo: Mapping[str, Any] | None, with_category_ids: bool = False
    ) -> 'PanopticClasses':
        """Read a data set's metainfo.

        Args:
            metainfo: ``classes``, ``thing_classes`` and, to write results, ``category_ids``.
            with_category_ids: Whether they are needed.

        Raises:
            KeyError: A key is missing; the message names it.
        """
        metainfo = metainfo or {}
        keys = ['classes', 'thing_classes'] + (['category_ids'] if with_category_ids else [])
        for key in keys:
            if key not in metainfo:
                raise KeyError(
                    f'the metainfo of the dataset lacks `{key}`, which PanopticMetric needs; add '
                    f'it to `metainfo` in the config of the dataset'
                    + (' (ids of the annotation file, by label)' if key == 'category_ids' else '')
                )
        names, things = tuple(metainfo['classes']), set(metainfo['thing_classes'])
        thing_labels = frozenset(label for label, name in enumerate(names) if name in things)
        category_ids = tuple(metainfo['category_ids']) if with_category_ids else ()
        return cls(names, thing_labels, category_ids)

    @property
    def stuff_labels(self) -> frozenset[int]:
        """Labels of the stuff classes."""
        return frozenset(range(len(self.names))) - self.thing_labels

    def __len__(self) -> int:
        return len(self.names)
