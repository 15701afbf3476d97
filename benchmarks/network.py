"""Whole inference of one image beside mmdet's panoptic peers, one thread, untrained weights.

Network and post-processing are timed together, for 133 classes, all on a ResNet-50: EINet with
plain and with depthwise-separable convolutions, as it is and with the faster copy of its network
that tests and demos run on a CPU (einet.models.cpu_inference), PanopticFPN and Mask2Former.
Predictions of all models alternate, so that a busy machine slows all alike, and the table has
medians of the processor's time. Untrained heatmaps have no peaks; benchmarks/post_processing.py
times that part with many instances.

    python benchmarks/network.py [--size 640] [--repeats 3]
    python benchmarks/network.py --compile   # also torch.compile, which needs a C++ compiler
    python benchmarks/network.py --onnx      # also ONNX Runtime
"""

import os

os.environ['OMP_NUM_THREADS'] = '1'

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.hub import get_config

import einet  # noqa: F401
from einet.models.cpu_inference import predict_with_copy

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
OURS = {
    'EINet R50': 'einet_r50_coco.py',
    'EINet R50, separable': 'einet_r50_coco_separable.py',
}
PEERS = {
    'PanopticFPN R50': 'mmdet::panoptic_fpn/panoptic-fpn_r50_fpn_1x_coco.py',
    'Mask2Former R50': 'mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco-panoptic.py',
}


def build(config: Config, **options: object) -> torch.nn.Module:
    """An untrained model."""
    config.model.update(options)
    config.model.backbone.init_cfg = None
    torch.manual_seed(0)
    return MODELS.build(config.model).eval()


def torch_prediction(model: torch.nn.Module, inputs: torch.Tensor) -> Callable[[], object]:
    """A prediction by PyTorch."""
    shape = tuple(inputs.shape[-2:])
    meta = dict(
        img_shape=shape, ori_shape=shape, pad_shape=shape, batch_input_shape=shape,
        scale_factor=(1.0, 1.0),
    )  # fmt: skip

    @torch.no_grad()
    def predict() -> object:
        return model.predict(inputs, [DetDataSample(metainfo=meta)])

    return predict


def onnx_prediction(config: Config, inputs: torch.Tensor) -> Callable[[], object]:
    """A prediction by ONNX Runtime, of a graph for this size."""
    import onnxruntime

    from einet.deployment import export_onnx

    size = tuple(inputs.shape[-2:])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / 'model.onnx'
        export_onnx(build(config), config, file, size=size)
        session = onnxruntime.InferenceSession(file, options, providers=['CPUExecutionProvider'])
    sides = torch.tensor(size).numpy()
    feed = dict(images=inputs.numpy(), image_size=sides, original_size=sides)
    return lambda: session.run(None, feed)


def predictions(args: argparse.Namespace) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(1, 3, args.size, args.size, generator=generator)
    rows = {}
    for name, file in OURS.items():
        config = Config.fromfile(CONFIGS / file)
        rows[name] = torch_prediction(build(config), inputs)
        model = build(config)
        predict_with_copy(model)
        rows[f'{name}, faster copy'] = torch_prediction(model, inputs)
        if args.compile:
            model = build(Config.fromfile(CONFIGS / file), compile=True)
            rows[f'{name}, torch.compile'] = torch_prediction(model, inputs)
        if args.onnx:
            rows[f'{name}, ONNX Runtime'] = onnx_prediction(config, inputs)
    for name, file in PEERS.items():
        rows[name] = torch_prediction(build(get_config(file)), inputs)
    return rows


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--size', type=int, default=640, help='side of the input (%(default)s)')
    parser.add_argument('--repeats', type=int, default=3, help='timed predictions (%(default)s)')
    parser.add_argument('--compile', action='store_true', help='also torch.compile')
    parser.add_argument('--onnx', action='store_true', help='also ONNX Runtime')
    args = parser.parse_args()
    torch.set_num_threads(1)
    register_all_modules(init_default_scope=True)
    rows = predictions(args)
    times: dict[str, list[float]] = {name: [] for name in rows}
    # The first prediction of each is not counted.
    for _ in range(args.repeats + 1):
        for name, predict in rows.items():
            start = time.process_time()
            predict()
            times[name].append(time.process_time() - start)
            print('.', end='', file=sys.stderr, flush=True)
    print(f'\n{args.size} x {args.size}, 133 classes, one thread, median of {args.repeats}')
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    print(f'{"":38}{"CPU seconds":>12}{"of PanopticFPN":>16}')
    for name, seconds in medians.items():
        print(f'{name:38}{seconds:12.2f}{seconds / medians["PanopticFPN R50"]:16.2f}')


if __name__ == '__main__':
    main()
