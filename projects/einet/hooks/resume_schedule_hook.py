"""After a resume, the schedule is the config's."""

from __future__ import annotations

import math

from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict, _ParamScheduler
from mmengine.runner import Runner

from ..schedulers.replay import Schedule, describe_changes, replay


@HOOKS.register_module()
class ResumeScheduleHook(Hook):
    """Give every resumed training the rates that its config has at that iteration.

    mmengine restores the schedulers of the checkpoint with their length (``end``, ``T_max``,
    ``periods``) and the optimizer's rates: a training that goes on for longer, or with another
    schedule, would stay at the last rate of the old one. Here the config's schedule is stepped
    from its start to the resumed iteration. A change is logged in one line.

    A schedule that follows scores (``ReduceOnPlateauLR``) cannot be stepped without them; it goes
    on as in the checkpoint.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Remember the schedule as built from the config; no checkpoint is loaded yet."""
        self.starts = [Schedule.read(*pair) for pair in _optimizers(runner)]

    def before_train(self, runner: Runner) -> None:
        """Replace what the checkpoint brought."""
        if not runner.iter:
            return
        if runner.iter >= runner.max_iters:
            runner.logger.warning(
                f'ResumeScheduleHook: nothing is left to train, the checkpoint is of iteration '
                f'{runner.iter} of {runner.max_iters}: set train_cfg to a longer training'
            )
        for start, (wrapper, schedulers) in zip(self.starts, _optimizers(runner), strict=True):
            if any(getattr(scheduler, 'need_val_args', False) for scheduler in schedulers):
                runner.logger.warning(
                    'ResumeScheduleHook: the schedule follows scores, so it goes on as in the '
                    'checkpoint, whatever the config says',
                )
                continue
            old = Schedule.read(wrapper, schedulers)
            new = replay(start, schedulers, runner.iter, runner.epoch)
            new.write(wrapper, schedulers)
            changes = describe_changes(old, new, schedulers)
            rates = [max(group['lr'] for group in each.groups) for each in (old, new)]
            if changes or not math.isclose(*rates, rel_tol=1e-6):
                changes.append(f'lr {rates[0]:.4g} -> {rates[1]:.4g}')
                runner.logger.info(
                    f"At iteration {runner.iter} the config's schedule replaces the "
                    f"checkpoint's: {', '.join(changes)}"
                )


def _optimizers(runner: Runner) -> list[tuple[OptimWrapper, list[_ParamScheduler]]]:
    """Each optimizer with its schedulers; none when the runner does not train."""
    wrapper, schedulers = runner.optim_wrapper, runner.param_schedulers
    if not isinstance(wrapper, OptimWrapper):
        return []
    if isinstance(wrapper, OptimWrapperDict):
        return [(each, (schedulers or {}).get(name, [])) for name, each in wrapper.items()]
    return [(wrapper, schedulers or [])]
