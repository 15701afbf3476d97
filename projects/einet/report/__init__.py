"""A report of a model's results, as a folder that a browser opens without a network."""

from .build import RUNS, ReportBuilder

__all__ = ['RUNS', 'ReportBuilder']
