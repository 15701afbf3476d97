"""Values that are not finite are found in the iteration in which they appear."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmdet.registry import HOOKS
from mmengine import dist
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from torch import Tensor, nn

from ..structures.files import write_file
from .checkpoint_hook import has_stepped


@HOOKS.register_module()
class NonFiniteHook(Hook):
    """Stop a training at the first loss, gradient or parameter that is NaN or infinite.

    The message names it and the images of the batch; ``non_finite_iter_<n>.json`` in the work dir
    has all losses, gradients, parameters and images of all ranks. A step with such a gradient is
    not made, and parameters that are not finite are not saved, so the last checkpoint is a good
    one. Infinite gradients that float16's loss scaling finds are its own business: it leaves the
    step out and scales less.

    Args:
        max_skips: Optimizer steps that may be left out, in the whole training, before it stops.
            Such a step, with all its accumulated batches, leaves parameters and buffers (Q,
            running statistics) as if it had not been.
    """

    priority = 'VERY_HIGH'  # before Q is committed and before anything is saved

    def __init__(self, max_skips: int = 0) -> None:
        self.max_skips = max_skips

    def before_train(self, runner: Runner) -> None:
        """Look at gradients from now on."""
        self.model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self.names = {parameter: name for name, parameter in self.model.named_parameters()}
        self.begins_step, self.is_reported = True, False
        wrapper = runner.optim_wrapper
        for each in wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]:
            each.optimizer.register_step_pre_hook(self._leave_out_bad_step)
            if each.clip_grad_kwargs:
                each.clip_func = self._look_before(each.clip_func)

    def before_train_iter(self, runner: Runner, *_args: object, **_kwargs: object) -> None:
        """Remember the buffers as they are before a step."""
        self.bad_gradients: list[str] = []
        self.bad_before_clipping: list[str] = []
        if self.begins_step and self.max_skips:
            self.buffers = [(buffer, buffer.clone()) for buffer in self.model.buffers()]

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Tensor] | None = None,
    ) -> None:
        """Look at the losses, over all ranks.

        Args:
            runner: Its ``work_dir`` takes the file.
            batch_idx: Iterations before this one.
            data_batch: Batch that the model was given.
            outputs: Losses by name.

        Raises:
            FloatingPointError: Something is not finite and no more steps may be left out.
        """
        losses = {
            name: torch.as_tensor(value).item()
            for name, value in (outputs or {}).items()
            if 'loss' in name
        }
        if 'loss' in losses:
            losses['loss'] = losses.pop('loss')  # their sum comes after those that may be why
        is_bad = self.bad_gradients or not all(map(math.isfinite, losses.values()))
        on_any_rank = torch.tensor(float(bool(is_bad)))
        dist.all_reduce(on_any_rank, op='max')
        if on_any_rank and not self.is_reported:
            self.is_reported = True
            self._report(runner, batch_idx + 1, losses, data_batch)
        self.begins_step = has_stepped(runner)
        if self.begins_step and self.is_reported:
            self.is_reported = False
            for buffer, before in self.buffers:
                buffer.copy_(before)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Save no parameters that are not finite.

        Raises:
            FloatingPointError: Names the first.
        """
        bad = _non_finite(
            (name, checkpoint['state_dict'].get(name)) for name in self.names.values()
        )
        if bad:
            raise FloatingPointError(
                f'{len(bad)} parameters are not finite at iteration {runner.iter + 1}, the first '
                f'is {bad[0]}; they are not saved. Gradients were finite: lower the learning rate'
            )

    def _look_before(self, clip: Callable[..., Any]) -> Callable[..., Any]:
        """Clipping by a norm that is NaN makes all gradients NaN, so look before."""

        def look_and_clip(parameters: Sequence[nn.Parameter], **settings: Any) -> Any:
            self.bad_before_clipping = self._bad_gradients(parameters)
            return clip(parameters, **settings)

        return look_and_clip

    def _leave_out_bad_step(self, optimizer: torch.optim.Optimizer, *_args: object) -> None:
        """Without gradients the optimizer changes nothing: no weight, moment or count of steps.

        Gradients were averaged over ranks before, so all ranks decide alike.
        """
        parameters = [p for group in optimizer.param_groups for p in group['params']]
        if bad := self._bad_gradients(parameters):
            self.bad_gradients += self.bad_before_clipping or bad
            for parameter in parameters:
                parameter.grad = None

    def _bad_gradients(self, parameters: Sequence[nn.Parameter]) -> list[str]:
        """Names of parameters whose gradient is not finite, from the losses to the images."""
        with_gradient = [p for p in parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm([p.grad for p in with_gradient])
        if norm.isfinite():  # one number to wait for on a GPU, where nothing is wrong
            return []
        return _non_finite((self.names[p], p.grad) for p in reversed(with_gradient))

    def _report(
        self, runner: Runner, iteration: int, losses: dict[str, float], data_batch: Any
    ) -> None:
        """Write the file; stop, or say that the step is left out."""
        own = dict(
            rank=dist.get_rank(),
            losses={n: v if math.isfinite(v) else str(v) for n, v in losses.items()},
            gradients=self.bad_gradients,
            images=_image_files(data_batch),
        )
        ranks = dist.all_gather_object(own)
        parameters = _non_finite((name, p.detach()) for p, name in self.names.items())
        path = Path(runner.work_dir) / f'non_finite_iter_{iteration}.json'
        if dist.is_main_process():
            content = dict(iteration=iteration, parameters=parameters, ranks=ranks)
            write_file(path, json.dumps(content, indent=1).encode())
        skips = runner.message_hub.runtime_info.get('skipped_steps', 0) + 1
        message = f'Iteration {iteration}: {_first_bad(parameters, ranks)}. More is in {path}'
        if skips > self.max_skips:
            raise FloatingPointError(
                f'{message}. To leave out up to n such steps, set '
                f'default_hooks.non_finite.max_skips=n'
            )
        runner.message_hub.update_info('skipped_steps', skips)
        runner.logger.warning(f'{message}. Left out, {skips} of at most {self.max_skips}')


def _non_finite(values: Iterable[tuple[str, Tensor | None]]) -> list[str]:
    return [name for name, value in values if value is not None and not value.isfinite().all()]


def _image_files(data_batch: Any) -> list[str]:
    """Files of a batch's images; of a batch in another form than mmdet's none."""
    samples = data_batch.get('data_samples', []) if isinstance(data_batch, Mapping) else []
    return [sample.img_path for sample in samples if hasattr(sample, 'img_path')]


def _first_bad(parameters: list[str], ranks: list[dict[str, Any]]) -> str:
    """What went bad first, and the images where it did."""
    losses = [(rank, name) for rank in ranks for name in rank['losses'] if _is_bad(rank, name)]
    if parameters:
        what, where = f'parameter {parameters[0]} was not finite', ranks
    elif losses:
        rank, name = losses[0]
        what, where = f'{name} is {rank["losses"][name]} on rank {rank["rank"]}', [rank]
    else:
        what, where = f'the gradient of {ranks[0]["gradients"][0]} is not finite', ranks
    images = [image for rank in where for image in rank['images']]
    return f'{what}, in the batch of {", ".join(images) or "unknown images"}'


def _is_bad(rank: dict[str, Any], name: str) -> bool:
    return not math.isfinite(float(rank['losses'][name]))
