"""A device that needs no hardware: it computes on the CPU, and notices what would stall a GPU.

Inside :class:`PretendDevice` tensors can be moved to :data:`DEVICE`. As on a GPU, an operation
refuses CPU tensors beside those of the device, unless they are scalars; so a tensor that was left
on the wrong device fails without a GPU. Whatever the host has to wait for is counted, as
``torch.cuda.set_sync_debug_mode`` reports it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.backend_registration import (
    _DummyBackendModule,
    _setup_privateuseone_for_python_backend,
)


class _Backend(_DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


_setup_privateuseone_for_python_backend('pretend', _Backend())
DEVICE = torch.device('pretend', 0)

aten = torch.ops.aten
# Operations whose result, or whose result's size, the host has to know.
_WAITS = {
    aten._local_scalar_dense: 'item',
    aten.equal: 'equal',
    aten.nonzero: 'nonzero',
    aten.masked_select: 'boolean index',
    aten.bincount: 'bincount',
    aten._unique2: 'unique',
    aten.unique_dim: 'unique',
    aten.unique_consecutive: 'unique',
    aten.repeat_interleave: 'repeat_interleave',
}


class _PretendTensor(Tensor):
    """Says that it is on the device, and holds its values on the CPU."""

    @staticmethod
    def __new__(cls, values: Tensor) -> _PretendTensor:
        return Tensor._make_wrapper_subclass(
            cls,
            values.shape,
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            device=DEVICE,
        )

    def __init__(self, values: Tensor) -> None:
        self.on_cpu = values

    def __repr__(self) -> str:
        return f'{DEVICE}: {self.on_cpu!r}'

    def tolist(self) -> list:
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None):
        raise RuntimeError(f'{operation}: a tensor of the pretend device outside of PretendDevice')


class PretendDevice(TorchDispatchMode):
    """Context in which the device works.

    Attributes:
        waits: How often the host waited for the device, by what for. Copies to it that are not
            ``non_blocking`` count as well.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: Counter[str] = Counter()

    def __enter__(self) -> PretendDevice:
        _active.append(self)
        return super().__enter__()

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)
        _active.pop()

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None):
        """Run an operation on the CPU, and give its result the device that was asked for."""
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        own = [tensor for tensor in tensors if isinstance(tensor, _PretendTensor)]
        target = torch.device(kwargs['device']).type if kwargs.get('device') is not None else None
        if not own and target != DEVICE.type:
            return operation(*args, **kwargs)

        packet = operation.overloadpacket
        to_host = target == 'cpu' or (packet is aten.copy_ and args[0].device != DEVICE)
        if packet in (aten._to_copy, aten.copy_):
            self._count_copy(args[packet is aten.copy_], to_host, kwargs)
        else:
            _check_one_device(operation, tensors if own else [])
            self._count(packet, args)
        if torch.Tag.inplace_view in operation.tags:
            # Gives the wrapper its new shape, and does nothing else.
            with no_dispatch():
                operation(*args, **kwargs)
        args, kwargs = tree_map_only(_PretendTensor, lambda tensor: tensor.on_cpu, (args, kwargs))
        if target is not None:
            kwargs = kwargs | dict(device=torch.device('cpu'))
        result = operation(*args, **kwargs)
        if to_host:
            return result
        wrappers = {id(tensor.on_cpu): tensor for tensor in own}
        return tree_map_only(
            Tensor, lambda t: wrappers[id(t)] if id(t) in wrappers else _PretendTensor(t), result
        )

    def _count(self, packet: Any, args: Any) -> None:
        if packet in _WAITS:
            self.waits[_WAITS[packet]] += 1
        elif packet in (aten.index, aten.index_put, aten.index_put_):
            masks = [i for i in args[1] if i is not None and i.dtype in (torch.bool, torch.uint8)]
            # One value at a mask is written without a look at it.
            is_fill = packet is not aten.index and len(masks) == 1 and args[2].numel() == 1
            if masks and not is_fill:
                self.waits['boolean index'] += len(masks)

    def _count_copy(self, source: Tensor, to_host: bool, kwargs: Any) -> None:
        from_host = source.device != DEVICE
        if to_host and not from_host:
            self.waits['copy to the host'] += 1
        elif from_host and not to_host and not kwargs.get('non_blocking'):
            self.waits['copy to the device'] += 1


def _check_one_device(operation: Any, tensors: list[Tensor]) -> None:
    if any(tensor.ndim > 0 and tensor.device != DEVICE for tensor in tensors):
        shapes = [(str(tensor.device), tuple(tensor.shape)) for tensor in tensors]
        raise RuntimeError(f'{operation} has tensors of two devices: {shapes}')


# Lists, in ``new_tensor`` and as an index, become tensors of the device below any dispatch mode.
_library = torch.library.Library('aten', 'IMPL', 'PrivateUse1')
_active: list[PretendDevice] = []


@torch.library.impl(_library, 'empty_strided')
def _empty_strided(size: Any, stride: Any, **options: Any) -> Tensor:
    return _PretendTensor(torch.empty_strided(size, stride, dtype=options['dtype']))


@torch.library.impl(_library, '_copy_from')
def _copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    target.on_cpu.copy_(source)
    _active[-1].waits['copy to the device'] += 1
    return target
