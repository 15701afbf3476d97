"""The export: network and fusion recorded as one graph, saved with what it says of itself.

Shape shorthand:
    B: images of a batch
    H, W: padded input
"""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor, nn
from torch.export import Dim

from ..models.detector import PanopticDetector
from ..models.fusion import EmbeddingPanopticFusion
from ..panoptic_deeplab.fusion import OffsetPanopticFusion
from .fusion import BatchFusion, PanopticBatch
from .grid import make_grid
from .group_norm import with_stepwise_group_norms
from .metadata import describe_model

#: Version of ONNX's operators.
OPSET = 20
_NEEDED = ('onnx', 'onnxscript')


class EINetGraph(nn.Module):
    """From a normalized batch to panoptic maps.

    Args:
        model: EINet.
        max_peaks: Peaks of an image at most, the strongest.
    """

    def __init__(self, model: PanopticDetector, max_peaks: int) -> None:
        super().__init__()
        self.model = model
        self.fusion = BatchFusion(model.fusion, max_peaks)

    def forward(self, images: Tensor, image_size: Tensor, original_size: Tensor) -> PanopticBatch:
        """Segment a batch.

        Args:
            images: (B, 3, H, W) float, normalized and padded.
            image_size: (2,) int64, (height, width) of the images without padding.
            original_size: (2,) int64, (height, width) of the result.
        """
        maps = self.model(images)
        height, width = images.shape[-2:]
        return self.fusion(
            maps.semantic_logits,
            maps.heatmap_logits,
            maps.instance_embedding,
            make_grid(
                maps.semantic_logits.shape[-2:],
                (height, width),
                image_size,
                original_size,
                like=maps.semantic_logits,
            ),
        )


class NetworkGraph(nn.Module):
    """From a normalized batch to the maps of a network whose fusion is not exported.

    Args:
        model: Panoptic-DeepLab.
    """

    def __init__(self, model: PanopticDetector) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Compute the maps, at stride 4.

        Args:
            images: (B, 3, H, W) float, normalized and padded.
        """
        return self.model(images)


def export_onnx(
    model: PanopticDetector,
    config: Config,
    out: Path,
    size: tuple[int, int] | None = None,
    max_peaks: int = 300,
) -> dict[str, Any]:
    """Write a model as an ONNX file.

    Args:
        model: Trained model in evaluation mode, on the CPU.
        config: Its config.
        out: File.
        size: (height, width) of the network's input; None for any size and number of images.
        max_peaks: Peaks of an image at most, the strongest.

    Returns:
        What the file says of itself.

    Raises:
        ImportError: A package is missing.
        ValueError: A setting cannot be exported.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f'the export needs {" and ".join(missing)}: pip install -r requirements/optional.txt'
        )
    description = describe_model(model, config) | dict(input_size=size, max_peaks=max_peaks)
    divisor = model.data_preprocessor.pad_size_divisor
    if size is not None and any(side < 32 or side % divisor for side in size):
        raise ValueError(
            f'--size {size[0]} {size[1]}: sides must be multiples of {divisor}, the '
            'pad_size_divisor of the config, and at least 32'
        )
    graph, names = _graph(model, max_peaks)
    images = torch.zeros(_example_shape(size, divisor))
    inputs = {'images': images}
    if 'panoptic_seg' in names:
        inputs |= {
            'image_size': torch.tensor(images.shape[-2:]),
            'original_size': torch.tensor(images.shape[-2:]),
        }
    shapes = None
    if size is None:
        sides = {2: divisor * Dim('rows', min=2), 3: divisor * Dim('columns', min=2)}
        shapes = {name: {} for name in inputs} | {'images': {0: Dim('batch'), **sides}}
    try:
        with _quiet():
            program = torch.onnx.export(
                graph.eval(),
                (),
                kwargs=inputs,
                dynamo=True,
                opset_version=OPSET,
                input_names=list(inputs),
                output_names=names,
                dynamic_shapes=shapes,
                # ONNX Runtime does the same when it loads the file, in a fraction of the time.
                optimize=False,
            )
    except torch.onnx.OnnxExporterError as error:
        cause = ' '.join(str(error.__cause__ or error).split())
        raise ValueError(
            f'torch cannot record this network (backbone {type(model.backbone).__name__}); if it '
            f'depends on the size, give --size: {cause[:300]}'
        ) from error
    for key, value in description.items():
        program.model.metadata_props[key] = json.dumps(value, ensure_ascii=False)
    program.save(out)
    return description


def _example_shape(size: tuple[int, int] | None, divisor: int) -> tuple[int, int, int, int]:
    """What is recorded with; a batch of one, or a square, would stay one."""
    if size is not None:
        return (1, 3, *size)
    rows = divisor * max(2, -(-96 // divisor))
    return (2, 3, rows, rows + divisor)


def _graph(model: PanopticDetector, max_peaks: int) -> tuple[nn.Module, list[str]]:
    """What is recorded, and the names of its outputs."""
    fusion = model.fusion
    model = with_stepwise_group_norms(model)
    if type(fusion) is EmbeddingPanopticFusion:
        return EINetGraph(model, max_peaks), list(PanopticBatch._fields)
    if type(fusion) is OffsetPanopticFusion:
        return NetworkGraph(model), ['semantic_logits', 'heatmap_logits', 'offsets']
    raise ValueError(
        f'model.fusion.type={type(fusion).__name__} cannot be exported: its decisions are not '
        'known here; EmbeddingPanopticFusion can'
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress and its notes on other packages off the screen."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(level)
