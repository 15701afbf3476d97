"""Learning-rate schedules."""

from .warm_restarts import CosineWarmRestartsLR

__all__ = ['CosineWarmRestartsLR']
