"""One image with ONNX Runtime beside PyTorch, on one core: CPU seconds, and memory of the process.

From a decoded image to panoptic segments, resizing included. Weights are random, with heads that
decide clearly and find instances; where trained heads leave large areas undisputed, both take less.

    python benchmarks/onnx_runtime.py [--presets einet_r18_nuclei einet_r50_coco] [--repeats 3]
"""

import os

os.environ['OMP_NUM_THREADS'] = '1'

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from einet_tools.process_memory import memory

ROOT = Path(__file__).resolve().parents[1]
# (height, width) of what cameras of these data sets give.
SIZES = {'einet_r18_nuclei': (256, 320), 'einet_r50_coco': (480, 640)}


def make_model(preset: str, folder: Path) -> None:
    """Write a checkpoint and the ONNX file."""
    import torch
    from mmdet.registry import MODELS
    from mmengine.config import Config
    from mmengine.registry import init_default_scope

    from einet.deployment import export_onnx

    init_default_scope('mmdet')
    config = Config.fromfile(ROOT / 'configs' / f'{preset}.py')
    config.model.backbone.init_cfg = None
    torch.manual_seed(0)
    model = MODELS.build(config.model).eval()
    for name, layer in model.named_modules():
        if name.endswith(('classifier', 'predictor')):
            torch.nn.init.normal_(layer.weight, std=0.3)
            torch.nn.init.zeros_(layer.bias)
    torch.save(dict(state_dict=model.state_dict(), meta={}), folder / 'model.pth')
    export_onnx(model, config, folder / 'model.onnx')


def torch_predictor(preset: str, folder: Path):
    """PyTorch's way from an image to segments."""
    import torch
    from mmengine.config import Config
    from mmengine.dataset import Compose
    from mmengine.registry import init_default_scope

    from einet.deployment import load_trained

    torch.set_num_threads(1)
    init_default_scope('mmdet')
    config = Config.fromfile(ROOT / 'configs' / f'{preset}.py')
    model = load_trained(config, folder / 'model.pth')
    steps = [s for s in config.test_dataloader.dataset.pipeline if s['type'] == 'Resize']
    packing = dict(type='PackPanopticInputs', meta_keys=('img_shape', 'ori_shape'))
    pipeline = Compose([*steps, packing])

    def predict(image: np.ndarray) -> int:
        shape = image.shape[:2]
        packed = pipeline(dict(img=image, img_shape=shape, ori_shape=shape))
        batch = dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']])
        with torch.no_grad():
            return len(model.test_step(batch)[0].pred_instances)

    return predict


def onnx_predictor(folder: Path):
    """The program of those who deploy."""
    sys.path.insert(0, str(ROOT / 'tools' / 'deployment'))
    from einet_onnx import PanopticPredictor

    predictor = PanopticPredictor(folder / 'model.onnx', threads=1)
    return lambda image: sum(segment['isthing'] for segment in predictor(image).segments)


def measure(preset: str, runtime: str, folder: Path, repeats: int) -> dict[str, float]:
    """Median CPU time of a prediction after a first, uncounted one; the process' largest size."""
    predict = torch_predictor(preset, folder) if runtime == 'torch' else onnx_predictor(folder)
    noise = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    import cv2

    image = cv2.resize(noise, SIZES[preset][::-1], interpolation=cv2.INTER_CUBIC)
    times = []
    for _ in range(repeats + 1):
        start = time.process_time()
        instances = predict(image)
        times.append(time.process_time() - start)
    megabytes = memory('VmHWM') / 2**20
    return dict(seconds=statistics.median(times[1:]), megabytes=megabytes, instances=instances)


def in_a_process(*arguments: object) -> str:
    """Run this file as a process of its own, so that memory is counted apart."""
    command = [sys.executable, __file__, *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--presets', nargs='+', choices=SIZES, default=list(SIZES))
    parser.add_argument('--repeats', type=int, default=3, help='timed predictions (%(default)s)')
    parser.add_argument('--part', help=argparse.SUPPRESS)
    parser.add_argument('--folder', type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part == 'export':
        make_model(args.presets[0], args.folder)
        return
    if args.part:
        print(json.dumps(measure(args.presets[0], args.part, args.folder, args.repeats)))
        return
    print(f'{"one core":20}{"CPU time":>10}{"memory":>12}{"instances":>12}')
    for preset in args.presets:
        with tempfile.TemporaryDirectory() as folder:
            common = ('--presets', preset, '--folder', folder, '--repeats', args.repeats)
            in_a_process(*common, '--part', 'export')
            for runtime in ('torch', 'onnx'):
                output = in_a_process(*common, '--part', runtime)
                row = json.loads(output.splitlines()[-1])
                name = f'{preset.removeprefix("einet_")}, {runtime}'
                print(
                    f'{name:20}{row["seconds"]:8.2f} s{row["megabytes"]:9.0f} MB'
                    f'{row["instances"]:12}',
                    flush=True,
                )


if __name__ == '__main__':
    main()
