"""Optimizer wrappers that mmengine lacks."""

from .bfloat16 import BFloat16OptimWrapper

__all__ = ['BFloat16OptimWrapper']
