"""Compare an exported model's results with PyTorch's, on images of your own.

    python tools/deployment/verify_onnx.py CONFIG CHECKPOINT model.onnx --images FOLDER

Prints one line for each image. The exit status is 1 where more than a pixel of a thousand differs,
or the instances do.
"""

import argparse
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

if importlib.util.find_spec('einet') is None:
    sys.exit('einet is not installed in this environment: run `pip install -e .` in the project.')

from einet_tools.arguments import add_common_arguments, add_trust_argument


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_arguments(parser)
    add_trust_argument(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('model', type=Path, help='what export_onnx.py made of it')
    parser.add_argument('--images', type=Path, required=True, help='an image or a folder of images')
    parser.add_argument('--limit', type=int, help='images at most, the first by name')
    args = parser.parse_args(argv)
    for file in (args.model, args.images):
        if not file.exists():
            parser.error(f'there is no {file}')
    return args


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

import cv2
import einet_onnx
import numpy as np
import torch
from mmengine.dataset import Compose

from einet.deployment import load_trained
from einet.utils import load_config

MAX_DIFFERENT = 0.001


def torch_predictor(
    args: argparse.Namespace, meta: Mapping[str, Any]
) -> Callable[[np.ndarray], tuple[np.ndarray, dict[int, float]]]:
    """PyTorch's way from an image to segment ids, as in COCO's files, and the instances' scores.

    Args:
        args: Config and checkpoint.
        meta: What the model's file says of itself; read are ``resize`` and ``input_size``.
    """
    model = load_trained(load_config(args), args.checkpoint)
    steps = [dict(type='PackPanopticInputs', meta_keys=('img_shape', 'ori_shape'))]
    if meta['resize']:
        given = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in meta['resize'].items()
            if value is not None
        }
        steps.insert(0, dict(type='Resize', **given))
    pipeline = Compose(steps)

    @torch.no_grad()
    def predict(image: np.ndarray) -> tuple[np.ndarray, dict[int, float]]:
        shape = image.shape[:2]
        packed = pipeline(dict(img=image, img_shape=shape, ori_shape=shape))
        divisor = model.data_preprocessor.pad_size_divisor
        padded = [-(-side // divisor) * divisor for side in packed['inputs'].shape[-2:]]
        if meta['input_size'] not in (None, padded):
            raise ValueError(
                f'{args.model} pads images to {meta["input_size"]}, PyTorch this one to {padded}, '
                'which changes what is found; compare a file that is exported without --size'
            )
        batch = dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']])
        (sample,) = model.test_step(batch)
        ids, instances = sample.pred_panoptic_seg.sem_seg[0].numpy(), sample.pred_instances
        scores = zip(instances.panoptic_ids.tolist(), instances.scores.tolist(), strict=True)
        # 0 is void in the files, the number of classes in predictions.
        panoptic = np.where(ids % 1000 == model.num_classes, 0, ids + 1)
        return panoptic, {number + 1: score for number, score in scores}

    return predict


def main(argv: list[str] | None = None) -> None:
    """Compare."""
    args = parse_args(argv)
    different = 0
    try:
        paths = einet_onnx.find_inputs(args.images)[: args.limit]
        of_onnx = einet_onnx.PanopticPredictor(args.model)
        of_torch = torch_predictor(args, of_onnx.meta)
        print(f'{"equal pixels":>12}{"instances":>11}{"score differs by":>18}')
        for path in paths:
            image = cv2.imread(str(path))
            if image is None:
                raise ValueError(f'{path} cannot be read as an image')
            panoptic, segments = of_onnx(image)
            expected, scores = of_torch(image)
            found = {segment['id']: segment['score'] for segment in segments if segment['isthing']}
            equal = (panoptic == expected).mean()
            if found.keys() == scores.keys():
                largest = max((abs(found[key] - scores[key]) for key in found), default=0.0)
                instances, difference = str(len(found)), f'{largest:.1e}'
            else:
                instances, difference = f'{len(found)} / {len(scores)}', '-'
            different += equal < 1 - MAX_DIFFERENT or found.keys() != scores.keys()
            print(f'{equal:>12.3%}{instances:>11}{difference:>18}  {path.name}', flush=True)
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    if different:
        sys.exit(f'{different} of {len(paths)} images differ')


if __name__ == '__main__':
    main()
