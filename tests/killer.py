"""A training that ends as machines do: at some moment, without a word."""

import os
import random
import signal
import threading

from mmdet.registry import HOOKS
from mmengine.dist import get_rank
from mmengine.hooks import Hook


@HOOKS.register_module()
class Killer(Hook):
    """Kills its process at a random moment of the training, up to EINET_KILL seconds in.

    Of several ranks it kills the last. Without the variable it does nothing.
    """

    def before_train(self, runner):
        """Set the moment."""
        seconds = float(os.environ.get('EINET_KILL', 0))
        if seconds and get_rank() == runner.world_size - 1:
            moment = random.SystemRandom().uniform(0, seconds)
            timer = threading.Timer(moment, os.kill, (os.getpid(), signal.SIGKILL))
            timer.daemon = True
            timer.start()
