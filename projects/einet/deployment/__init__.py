"""Trained models as ONNX files, which run without torch and OpenMMLab."""

from .export import export_onnx
from .metadata import describe_model
from .weights import load_trained

__all__ = ['describe_model', 'export_onnx', 'load_trained']
