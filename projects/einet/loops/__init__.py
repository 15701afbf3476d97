"""Training loops for mmengine's Runner."""

from .train_loop import ResumableTrainLoop

__all__ = ['ResumableTrainLoop']
