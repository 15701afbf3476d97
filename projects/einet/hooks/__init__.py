"""Hooks for mmengine's Runner."""

from .semantic_centers_hook import SemanticCentersHook

__all__ = ['SemanticCentersHook']
