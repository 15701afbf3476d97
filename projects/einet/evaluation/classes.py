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
        category_ids: (C,) annotation file's id of each label, for samples that do not say it.
    """

    names: tuple[str, ...]
    thing_labels: frozenset[int]
    category_ids: tuple[int, ...] = ()

    @classmethod
    def from_metainfo(cls, metainfo: Mapping[str, Any] | None) -> 'PanopticClasses':
        """Read a data set's metainfo.

        Args:
            metainfo: ``classes`` and ``thing_classes``; ``category_ids`` when samples have none.

        Raises:
            KeyError: A key is missing; the message names it.
        """
        metainfo = metainfo or {}
        for key in ('classes', 'thing_classes'):
            if key not in metainfo:
                raise KeyError(
                    f'the metainfo of the dataset lacks `{key}`, which PanopticMetric needs; add '
                    f'it to `metainfo` in the config of the dataset'
                )
        names, things = tuple(metainfo['classes']), set(metainfo['thing_classes'])
        thing_labels = frozenset(label for label, name in enumerate(names) if name in things)
        return cls(names, thing_labels, tuple(metainfo.get('category_ids', ())))

    @property
    def stuff_labels(self) -> frozenset[int]:
        """Labels of the stuff classes."""
        return frozenset(range(len(self.names))) - self.thing_labels

    def __len__(self) -> int:
        return len(self.names)
