"""Trained models as files of their own: ONNX graphs, and weights to hand on."""

from .export import export_onnx
from .metadata import describe_model
from .publish import publish_weights
from .weights import load_trained

__all__ = ['describe_model', 'export_onnx', 'load_trained', 'publish_weights']
