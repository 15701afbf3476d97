"""A training that ends as machines do: at some moment, without a word."""

import os
import random
import signal
import threading
import time

from mmdet.registry import HOOKS
from mmengine.dist import get_rank
from mmengine.hooks import Hook

WITHIN = 12


@HOOKS.register_module()
class Killer(Hook):
    """Kills its process at a random moment, within the next ``WITHIN`` iterations or soon after.

    The variable EINET_KILL is the seed of that moment; without it nothing is killed. Of several
    ranks it is the last.
    """

    def before_train(self, runner):
        """Choose the iteration, and the moment in units of the time of the one before it."""
        self.last, self.began = None, time.monotonic()
        seed = os.environ.get('EINET_KILL')
        if seed is not None and get_rank() == runner.world_size - 1:
            rng = random.Random(int(seed))
            self.last = runner.iter + rng.randrange(WITHIN)
            self.moment = rng.uniform(0, 2)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """Set the timer, whose end is in this iteration or those that follow."""
        before, self.began = self.began, time.monotonic()
        if runner.iter == self.last:
            seconds = self.moment * (self.began - before)
            timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
            timer.daemon = True
            timer.start()
