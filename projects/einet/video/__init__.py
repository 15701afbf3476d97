"""Videos: frames read and written, instances followed from frame to frame."""

from .frames import FrameSource, open_frames
from .tracker import InstanceTracker
from .writers import open_writer

__all__ = ['FrameSource', 'InstanceTracker', 'open_frames', 'open_writer']
