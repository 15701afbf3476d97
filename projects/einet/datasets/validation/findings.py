"""What a check reports: one finding per defect, of a kind that says how bad it is and what to do.

An *error* stops training or evaluation, or makes labels or scores wrong. A *warning* is worth a
look: the project trains and evaluates in spite of it.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ...structures.limits import MAX_ID
from ..transforms.loading import MAX_SEGMENTS


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = 'error'
    WARNING = 'warning'


class Kind(NamedTuple):
    """What findings of one name have in common.

    Attributes:
        severity: error or warning.
        title: what is wrong.
        remedy: what to do.
    """

    severity: Severity
    title: str
    remedy: str


def _errors(**kinds: tuple[str, str]) -> dict[str, Kind]:
    return {name.replace('_', '-'): Kind(Severity.ERROR, *text) for name, text in kinds.items()}


def _warnings(**kinds: tuple[str, str]) -> dict[str, Kind]:
    return {name.replace('_', '-'): Kind(Severity.WARNING, *text) for name, text in kinds.items()}


_METAINFO = "correct the dataset's metainfo in the config, or the categories of the file"
_REPAIR = '--fix-areas NEW.json writes a corrected copy of the annotation file'

#: Every kind of finding, in the order of the report.
KINDS: dict[str, Kind] = _errors(
    class_list=('The class lists of the config are wrong', "correct the dataset's metainfo"),
    splits_differ=(
        'The data sets of the config have different classes',
        'give all of them the same thing_classes and stuff_classes in the same order',
    ),
    model_class_count=(
        'The model has other class counts than the data',
        'set num_things_classes and num_stuff_classes of the model',
    ),
    annotation_file=(
        "The annotation file is missing, cut off, or not in COCO's panoptic format",
        'check data_root and ann_file in the config, or restore the file',
    ),
    category_fields=(
        'A category is incomplete',
        'give it `id`, `name` and `isthing` (0 or 1)',
    ),
    category_id_twice=('Two categories have the same id', 'give each one its own'),
    category_name_twice=('Two categories have the same name', 'rename or merge them'),
    class_only_in_config=('The file lacks a class of the config', _METAINFO),
    class_only_in_file=('The config lacks a category of the file', _METAINFO),
    thing_or_stuff=('A thing on one side is stuff on the other', _METAINFO),
    image_fields=(
        'An entry of `images` is incomplete',
        'give it `id`, `file_name`, `height` and `width`',
    ),
    image_id_twice=('Two images have the same id', 'give each one its own'),
    image_name_twice=(
        'Two images have the same file',
        'remove one: it counts twice, and written predictions overwrite each other',
    ),
    annotation_fields=(
        'An entry of `annotations` is incomplete',
        'give it `image_id`, `file_name` (of the PNG) and `segments_info`',
    ),
    annotation_without_image=(
        'An annotation belongs to no image',
        'add the image, or remove the annotation',
    ),
    annotation_twice=('An image is annotated twice', 'keep one of the annotations'),
    image_without_annotation=(
        'An image has no annotation',
        'add one (its `segments_info` may be empty), or remove the image',
    ),
    png_name_twice=('Two annotations share a PNG', 'give each image its own'),
    segment_fields=(
        'A segment is incomplete',
        'give it integers `id` and `category_id`; `iscrowd`, when there, is 0 or 1',
    ),
    segment_id_range=(
        'A segment id is out of range',
        f'use ids from 1 to {MAX_ID}; 0 is void',
    ),
    segment_id_twice=('A segment id is used twice in an image', 'remove one, or renumber it'),
    segment_id_two_categories=(
        'A segment id is used for two categories in an image',
        'decide for one: a pixel belongs to one segment',
    ),
    category_unknown=(
        'A category_id is not among the categories',
        'correct it, or add the category',
    ),
    stuff_twice=(
        'An image has two segments of one stuff class',
        'give all its pixels one id: a prediction has one, so the other counts as missed',
    ),
    too_many_segments=(
        'An image has more segments than can be loaded',
        f'cut it into tiles of at most {MAX_SEGMENTS} segments',
    ),
    image_missing=(
        'An image is missing',
        "check data_prefix['img'] in the config and `file_name` of the image",
    ),
    image_unreadable=('An image cannot be read', 'restore it from its source'),
    image_size=(
        'An image has another size than its annotation says',
        'correct `height` and `width`, or use the image that was annotated',
    ),
    png_missing=(
        'A PNG is missing',
        "check data_prefix['seg'] in the config and `file_name` of the annotation",
    ),
    png_unreadable=('A PNG cannot be read', 'restore it from its source'),
    png_mode=(
        'A PNG is not 8-bit RGB',
        'write ids as colors, id = R + 256 G + 65536 B, without loss and without a palette',
    ),
    png_size=(
        'A PNG has another size than its image',
        'annotate the image as it is on disk; resize PNGs with nearest neighbor only',
    ),
    png_ids_unknown=(
        'A PNG has ids that the annotation lacks',
        'add them to `segments_info`, or paint them 0 (void)',
    ),
    segment_without_pixels=(
        'A segment of the annotation has no pixel in the PNG',
        'it counts as missed in every score; --fix-areas NEW.json --drop-missing-segments writes a '
        'copy without such segments',
    ),
    loader=('Training would refuse this data set', 'see the message'),
) | _warnings(
    image_depth=(
        'An image has more than 8 bits per channel',
        'convert it with a contrast of your choice: loading cuts it to 8 bits',
    ),
    outside_folder=(
        'A file lies outside the folder of the config',
        'move it below data_root, so that the set can be copied as a whole',
    ),
    stuff_crowd=(
        'A stuff segment is marked crowd',
        'set `iscrowd` to 0: pixels of crowd are ignored in training',
    ),
    area_sum=(
        'The areas of an image sum to more than its pixels',
        'overlapping masks were counted before they were painted; the project takes areas from '
        f'the PNG, other evaluators do not; {_REPAIR}',
    ),
    area_differs=(
        'The area of a segment differs from the PNG',
        f'the project takes areas from the PNG, other evaluators do not; {_REPAIR}',
    ),
    box_differs=('The box of a segment differs from the PNG', _REPAIR),
    all_void=('An image is all void', 'nothing is learned from it; label it, or remove it'),
    image_content_twice=('Two images of a split are the same, byte by byte', 'remove one'),
    split_overlap=(
        'Training images are also scored',
        'scores on images that were trained on say little; remove them from one side',
    ),
    tiny_instances=(
        'Instances have no cell at stride 4 when tested',
        'they can hardly be learned or found; scale images up (Resize in the pipelines), or '
        'label them crowd',
    ),
    class_without_instances=(
        'A class has no segment',
        'it cannot be learned, or is not scored; leave it out, or get data',
    ),
)


@dataclass(frozen=True)
class Finding:
    """One defect.

    Args:
        kind: name in :data:`KINDS`.
        message: what exactly, in a few words.
        file: the image, PNG or JSON to look at.
        image_id: of the annotation file.
        segment_ids: the segments concerned, or the first of them.
        class_name: the class concerned.
        split: the split or splits of the config, for example ``train`` or ``val, test``.

    Raises:
        ValueError: when there is no such kind.
    """

    kind: str
    message: str
    file: str = ''
    image_id: Hashable = None
    segment_ids: tuple[int, ...] = ()
    class_name: str = ''
    split: str = ''

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f'{self.kind!r} is no kind of finding; these are: {", ".join(KINDS)}')

    @property
    def severity(self) -> Severity:
        """Error or warning."""
        return KINDS[self.kind].severity
