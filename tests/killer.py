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
    """Kills its process at a random moment, within the next EINET_KILL iterations or soon after.

    Of several ranks it kills the last. Without the variable it does nothing.
    """

    def before_train(self, runner):
        """Choose the iteration."""
        count = int(os.environ.get('EINET_KILL', 0))
        self.last = None
        if count and get_rank() == runner.world_size - 1:
            self.last = runner.iter + random.SystemRandom().randrange(count)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """Choose the moment, in this iteration or those that follow."""
        if runner.iter == self.last:
            moment = random.SystemRandom().uniform(0, 0.3)
            timer = threading.Timer(moment, os.kill, (os.getpid(), signal.SIGKILL))
            timer.daemon = True
            timer.start()
