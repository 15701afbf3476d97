"""Metrics."""

from .panoptic_quality import PanopticQualityMetric

__all__ = ['PanopticQualityMetric']
