"""The annotated sets that the dataloaders of a config read, opened but not loaded."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mmdet.registry import DATASETS
from mmengine.config import Config
from mmengine.dataset import Compose

from ..panoptic import PanopticDataset
from ..rules import Finding, class_findings

SPLITS = ('train', 'val', 'test')
# Lets a data set whose class lists are wrong be opened, for its paths.
_PLACEHOLDER = dict(thing_classes=('unknown',), stuff_classes=())


class Source(NamedTuple):
    """One annotation file with its images.

    Attributes:
        splits: Those that read it, of ``train``, ``val`` and ``test``.
        dataset: Data set that is not loaded.
        classes_known: Whether the class lists of its metainfo can be used.
        findings: What is wrong with its metainfo.
    """

    splits: tuple[str, ...]
    dataset: PanopticDataset
    classes_known: bool
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """The splits, for reports."""
        return ', '.join(self.splits)

    @property
    def things(self) -> tuple[str, ...]:
        """Thing classes; none when they are not known."""
        return tuple(self.dataset.metainfo['thing_classes']) if self.classes_known else ()

    @property
    def stuff(self) -> tuple[str, ...]:
        """Stuff classes; none when they are not known."""
        return tuple(self.dataset.metainfo['stuff_classes']) if self.classes_known else ()


def find_sources(config: Config, splits: Sequence[str] | None = None) -> list[Source]:
    """Open the data sets of the dataloaders, also inside wrappers; equal ones once.

    Args:
        config: Config with ``train_dataloader``, ``val_dataloader`` and ``test_dataloader``, or
            some.
        splits: Which of them to open; those that the config has when None.

    Returns:
        Sources, in the order of the splits.

    Raises:
        ValueError: A split is asked for that the config lacks, there is none at all, a data set is
            not a :class:`PanopticDataset`, or its settings are wrong in other ways than its class
            lists.
    """
    present = [split for split in SPLITS if config.get(f'{split}_dataloader')]
    lacking = [split for split in splits or () if split not in present]
    if lacking or not present:
        raise ValueError(
            f'{config.filename} has no dataloader for {", ".join(lacking or SPLITS)}; '
            f'it has: {", ".join(present) or "none"}'
        )
    sources: dict[Any, Source] = {}
    for split in splits or present:
        for settings in plain_datasets(config[f'{split}_dataloader'].dataset):
            source = _open_source(split, settings)
            key = _identity(source)
            if key in sources:
                earlier = sources[key]
                joined = dict.fromkeys((*earlier.splits, split))
                # The stricter of the two: training needs annotations, testing does not.
                dataset = source.dataset if earlier.dataset.test_mode else earlier.dataset
                source = source._replace(splits=tuple(joined), dataset=dataset)
            sources[key] = source
    return list(sources.values())


def plain_datasets(settings: Any) -> Iterator[Mapping[str, Any]]:
    """Find the data sets inside wrappers such as ``RepeatDataset`` and ``ConcatDataset``.

    Args:
        settings: Settings of a data set, or a list of them.

    Yields:
        Settings of data sets that wrap no other.
    """
    if isinstance(settings, list | tuple):
        for part in settings:
            yield from plain_datasets(part)
        return
    inner = [settings[key] for key in ('dataset', 'datasets') if key in settings]
    if inner:
        yield from plain_datasets(inner)
    else:
        yield settings


def resize_steps(config: Config) -> Compose | None:
    """Find the steps of the test pipeline that change an image's size.

    Args:
        config: Config with ``test_dataloader`` or ``val_dataloader``.

    Returns:
        Its ``Resize`` and alike; None when there are none.
    """
    for split in ('test', 'val'):
        if config.get(f'{split}_dataloader'):
            settings = next(plain_datasets(config[f'{split}_dataloader'].dataset))
            steps = [s for s in settings.get('pipeline', []) if 'Resize' in str(s['type'])]
            return Compose(steps) if steps else None
    return None


def compare_sources(sources: Sequence[Source]) -> Iterator[Finding]:
    """Compare the class lists of the data sets with the first one's.

    Args:
        sources: Data sets of a config.

    Yields:
        At most one finding per data set.
    """
    first, *others = [source for source in sources if source.classes_known] or [None]
    for source in others:
        if (source.things, source.stuff) != (first.things, first.stuff):
            mine, other = ((*s.things, *s.stuff) for s in (source, first))
            differ = [name for name in (*other, *mine) if (name in other) != (name in mine)]
            what = f'only one has {differ[:5]}' if differ else 'the order differs'
            message = f'{source.name} and {first.name}: {what}'
            yield Finding('splits-differ', message, source.dataset.ann_file, split=source.name)


def compare_model(model: Mapping[str, Any], sources: Sequence[Source]) -> Iterator[Finding]:
    """Compare the class counts of the model, where it has any, with the first data set's.

    Args:
        model: Settings of the model.
        sources: Data sets of a config.

    Yields:
        At most one finding per count.
    """
    for source in [source for source in sources if source.classes_known][:1]:
        for key, group, names in (
            ('num_things_classes', 'thing', source.things),
            ('num_stuff_classes', 'stuff', source.stuff),
        ):
            if model.get(key, len(names)) != len(names):
                message = f'model.{key} is {model[key]}, but the data set has {len(names)} {group}'
                yield Finding('model-class-count', f'{message} classes')


def _open_source(split: str, settings: Mapping[str, Any]) -> Source:
    kind = settings['type']
    cls = kind if isinstance(kind, type) else DATASETS.get(kind)
    if not (isinstance(cls, type) and issubclass(cls, PanopticDataset)):
        raise ValueError(
            f'{split}_dataloader: {kind} is not a PanopticDataset of this project; this tool '
            f'checks those (with their PNGs), not boxes, masks or semantic maps'
        )
    arguments = {key: value for key, value in settings.items() if key != 'type'}
    metainfo = cls.merge_metainfo(arguments.get('metainfo'))
    found = tuple(class_findings(metainfo))
    # Without `classes` and `palette`, which may be what is wrong.
    names = {key: metainfo[key] for key in ('thing_classes', 'stuff_classes') if key in metainfo}
    known = not any(class_findings(names))
    arguments |= dict(pipeline=[], lazy_init=True, metainfo=names if known else _PLACEHOLDER)
    try:
        return Source((split,), cls(**arguments), known, found)
    except ValueError as error:
        raise ValueError(f'{split}_dataloader: {error}') from error


def _identity(source: Source) -> tuple[Any, ...]:
    dataset = source.dataset
    prefix = tuple(sorted(dataset.data_prefix.items()))
    return type(dataset), dataset.ann_file, prefix, source.things, source.stuff
