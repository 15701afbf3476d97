"""Checks of whole data sets before training; `tools/check_dataset.py` is their command line."""

from .check import SourceReport, check_source, check_sources
from .repair import repair_areas
from .report import count_findings, json_report, text_report
from .sources import SPLITS, Source, find_sources

__all__ = [
    'SPLITS',
    'Source',
    'SourceReport',
    'check_source',
    'check_sources',
    'count_findings',
    'find_sources',
    'json_report',
    'repair_areas',
    'text_report',
]
