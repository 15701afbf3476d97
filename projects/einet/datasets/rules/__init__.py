"""Rules of the panoptic format, each in one place, as generators of findings.

A data set raises the first error; ``tools/check_dataset.py`` prints all findings.
"""

from .annotations import layout_findings, link_findings, location_findings, record_findings
from .classes import Category, category_findings, category_table, class_findings
from .findings import KINDS, Finding, FindingError, Kind, Severity, locate, raise_first
from .images import image_findings, png_findings, png_size_findings, unknown_id_findings
from .segments import (
    annotated_segment_findings,
    segment_count_findings,
    segment_findings,
    valid_segments,
)

__all__ = [
    'KINDS',
    'Category',
    'Finding',
    'FindingError',
    'Kind',
    'Severity',
    'annotated_segment_findings',
    'category_findings',
    'category_table',
    'class_findings',
    'image_findings',
    'layout_findings',
    'locate',
    'link_findings',
    'location_findings',
    'png_findings',
    'png_size_findings',
    'raise_first',
    'record_findings',
    'segment_count_findings',
    'segment_findings',
    'unknown_id_findings',
    'valid_segments',
]
