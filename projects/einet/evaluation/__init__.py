"""Metrics."""

from .panoptic_metric import PanopticMetric, PanopticQualityMetric

__all__ = ['PanopticMetric', 'PanopticQualityMetric']
