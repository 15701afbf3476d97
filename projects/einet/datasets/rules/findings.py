"""What a rule of the format finds: one defect, of a kind that says how bad it is and what to do.

An *error* stops training or evaluation, or makes labels or scores wrong. A *warning* is worth a
look: the project trains and evaluates in spite of it.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from ...structures.limits import MAX_ID, MAX_SEGMENTS

_IDS_SHOWN = 5


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = 'error'
    WARNING = 'warning'


class Kind(NamedTuple):
    """What findings of one name have in common: what is wrong, and what to do."""

    severity: Severity
    title: str
    remedy: str


_METAINFO = "correct the dataset's metainfo in the config, or the categories of the file"
_REPAIR = '--fix-areas NEW.json writes a corrected copy of the annotation file'
_TRUST = f'the project takes areas from the PNG, other evaluators do not; {_REPAIR}'

_ERRORS = {
    'class-list': ('The class lists of the config are wrong', "correct the dataset's metainfo"),
    'splits-differ': (
        'The data sets of the config have different classes',
        'give all of them the same thing_classes and stuff_classes in the same order',
    ),
    'model-class-count': (
        'The model has other class counts than the data',
        'set num_things_classes and num_stuff_classes of the model',
    ),
    'annotation-file': (
        "The annotation file is missing, cut off, or not in COCO's panoptic format",
        'check data_root and ann_file in the config, or restore the file',
    ),
    'category-fields': ('A category is incomplete', 'give it `id`, `name` and `isthing` (0 or 1)'),
    'category-id-twice': ('Two categories have the same id', 'give each one its own'),
    'category-name-twice': ('Two categories have the same name', 'rename or merge them'),
    'class-only-in-config': (
        'The file lacks a class of the config; names are compared to the letter, in any order',
        f'{_METAINFO}, and the class counts of the model with it',
    ),
    'class-only-in-file': (
        'The config lacks a category of the file; names are compared to the letter, in any order',
        f'{_METAINFO}, and the class counts of the model with it',
    ),
    'thing-or-stuff': ('A thing on one side is stuff on the other', _METAINFO),
    'image-fields': (
        'An entry of `images` is incomplete',
        'give it `id`, `file_name`, `height` and `width`',
    ),
    'image-id-twice': ('Two images have the same id', 'give each one its own'),
    'image-name-twice': (
        'Two images have the same file',
        'remove one: it counts twice, and written predictions overwrite each other',
    ),
    'annotation-fields': (
        'An entry of `annotations` is incomplete',
        'give it `image_id`, `file_name` (of the PNG) and `segments_info`',
    ),
    'annotation-without-image': (
        'An annotation belongs to no image',
        'add the image, or remove the annotation',
    ),
    'annotation-twice': ('An image is annotated twice', 'keep one of the annotations'),
    'image-without-annotation': (
        'An image has no annotation',
        'add one (its `segments_info` may be empty), or remove the image',
    ),
    'png-name-twice': ('Two annotations share a PNG', 'give each image its own'),
    'segment-fields': (
        'A segment is incomplete',
        'give it integers `id` and `category_id`; `iscrowd`, when there, is 0 or 1',
    ),
    'segment-id-range': ('A segment id is out of range', f'use ids from 1 to {MAX_ID}; 0 is void'),
    'segment-id-twice': ('A segment id is used twice in an image', 'remove one, or renumber it'),
    'segment-id-two-categories': (
        'A segment id is used for two categories in an image',
        'decide for one: a pixel belongs to one segment',
    ),
    'category-unknown': (
        'A category_id is not among the categories',
        'correct it, or add the category',
    ),
    'stuff-twice': (
        'An image has two segments of one stuff class',
        'give all its pixels one id: a prediction has one, so the other counts as missed',
    ),
    'too-many-segments': (
        'An image has more segments than can be loaded',
        f'cut it into tiles of at most {MAX_SEGMENTS} segments',
    ),
    'image-missing': (
        'An image is missing',
        "check data_prefix['img'] in the config and `file_name` of the image",
    ),
    'image-unreadable': ('An image cannot be read', 'restore it from its source'),
    'image-size': (
        'An image has another size than its annotation says',
        'correct `height` and `width`, or use the image that was annotated',
    ),
    'image-orientation': (
        'An image has an EXIF tag by which it is turned or mirrored when it is loaded',
        'if its PNG was painted on the pixels as stored, by a tool that ignores the tag, remove '
        'the tag and leave the pixels; if on the image as shown, save it upright without a tag',
    ),
    'outside-folder': (
        'A file lies outside the folder of the config',
        'move it below that folder, or make the whole folder a link; where files of their own are '
        'links on purpose, set allow_links=True of the dataset',
    ),
    'png-missing': (
        'A PNG is missing',
        "check data_prefix['seg'] in the config and `file_name` of the annotation",
    ),
    'png-unreadable': ('A PNG cannot be read', 'restore it from its source'),
    'png-mode': (
        'A PNG is not 8-bit RGB',
        'write ids as colors, id = R + 256 G + 65536 B, without loss and without a palette',
    ),
    'png-size': (
        'A PNG has another size than its image',
        'annotate the image as it is on disk; resize PNGs with nearest neighbor only',
    ),
    'png-ids-unknown': (
        'A PNG has ids (R + 256 G + 65536 B) that the annotation lacks',
        'add them to `segments_info`, or paint them 0 (void)',
    ),
    'segment-without-pixels': (
        'A segment of the annotation has no pixel in the PNG',
        'it counts as missed in every score; --fix-areas NEW.json --drop-missing-segments writes a '
        'copy without such segments',
    ),
    'no-things': (
        'No image has a thing that is not crowd',
        'give the objects segments of a thing class with `iscrowd` 0; where they are void, look '
        'for masks of 0 and 255 at their source: 255 is often taken for void',
    ),
    'loader': ('Training would refuse this data set', 'see the message'),
}
_WARNINGS = {
    'image-depth': (
        'An image has more than 8 bits per channel',
        'convert it with a contrast of your choice: loading cuts it to 8 bits',
    ),
    'stuff-crowd': (
        'A stuff segment is marked crowd',
        'set `iscrowd` to 0: pixels of crowd are ignored in training',
    ),
    'area-sum': (
        'The areas of an image sum to more than its pixels',
        f'overlapping masks were counted before they were painted; {_TRUST}',
    ),
    'area-differs': ('The area of a segment differs from the PNG', _TRUST),
    'box-differs': ('The box of a segment differs from the PNG', _REPAIR),
    'all-void': ('An image is all void', 'nothing is learned from it; label it, or remove it'),
    'image-content-twice': ('Two images of a split are the same, byte by byte', 'remove one'),
    'split-overlap': (
        'Training images are also scored',
        'scores on images that were trained on say little; remove them from one side',
    ),
    'tiny-instances': (
        'Instances have no cell at stride 4 when tested',
        'they can hardly be learned or found; scale images up (Resize in the pipelines), or '
        'label them crowd',
    ),
    'class-without-instances': (
        'A class has no segment',
        'it cannot be learned, or is not scored; leave it out, or get data',
    ),
}
#: Every kind of finding, in the order of the report.
KINDS: dict[str, Kind] = {
    name: Kind(severity, *text)
    for severity, kinds in ((Severity.ERROR, _ERRORS), (Severity.WARNING, _WARNINGS))
    for name, text in kinds.items()
}


@dataclass(frozen=True)
class Finding:
    """One defect; as text it is an exception's message.

    Args:
        kind: Name in :data:`KINDS`.
        message: What exactly, in a few words.
        file: Image, PNG or JSON to look at.
        image_id: Id in the annotation file.
        segment_ids: Segments concerned, or the first of them.
        split: Split or splits of the config, for example ``train`` or ``val, test``.

    Raises:
        ValueError: There is no such kind.
    """

    kind: str
    message: str
    file: str = ''
    image_id: Hashable = None
    segment_ids: tuple[int, ...] = ()
    split: str = ''

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f'{self.kind!r} is no kind of finding; these are: {", ".join(KINDS)}')

    def __str__(self) -> str:
        """Where, what, and the way out."""
        _, title, remedy = KINDS[self.kind]
        return f'{self.line}. {title}: {remedy} [{self.kind}]'

    @property
    def severity(self) -> Severity:
        """Error or warning."""
        return KINDS[self.kind].severity

    @property
    def line(self) -> str:
        """Where, and what."""
        where = [part for part in (self.split, self.file) if part]
        if self.image_id is not None:
            where.append(f'image {self.image_id}')
        if self.segment_ids:
            shown = ', '.join(map(str, self.segment_ids[:_IDS_SHOWN]))
            more = ', ...' if len(self.segment_ids) > _IDS_SHOWN else ''
            where.append(f'segment {shown}{more}')
        return f'{", ".join(where)}: {self.message}' if where else self.message


class FindingError(ValueError):
    """A finding that stops the program."""

    @property
    def finding(self) -> Finding:
        """The finding, which is also the message."""
        return self.args[0]


def locate(findings: Iterable[Finding], **place: Any) -> list[Finding]:
    """Fill in where findings are, in those that do not say.

    Args:
        findings: What rules find.
        **place: Fields of :class:`Finding`.

    Returns:
        Copies of the findings.
    """
    return [
        replace(f, **{key: place[key] for key in place if getattr(f, key) in ('', None)})
        for f in findings
    ]


def raise_first(findings: Iterable[Finding], **place: Any) -> None:
    """Stop at the first error among findings; warnings pass.

    Args:
        findings: What rules find, best as they find it.
        **place: Fields to fill in where a finding does not say, see :func:`locate`.

    Raises:
        FindingError: There is an error; the message counts those of its kind that follow.
    """
    remaining = iter(findings)
    for finding in remaining:
        if finding.severity is Severity.ERROR:
            (first,) = locate([finding], **place)
            alike = sum(other.kind == first.kind for other in remaining)
            count = f' (and {alike} more of this kind)' if alike else ''
            raise FindingError(replace(first, message=first.message + count))
