"""Backbones that mmdet and mmseg lack."""

from .xception import Xception41, Xception65, Xception71

__all__ = ['Xception41', 'Xception65', 'Xception71']
