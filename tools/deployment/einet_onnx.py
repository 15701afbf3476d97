"""Panoptic segmentation with an exported model: NumPy, OpenCV and ONNX Runtime are all it needs.

    pip install numpy opencv-python-headless onnxruntime

    python einet_onnx.py model.onnx street.jpg --out-dir drawn
    python einet_onnx.py model.onnx images/ --out-dir drawn --coco
    python einet_onnx.py model.onnx drive.mp4 --out-dir drawn

Writes a drawing of every image, or of every frame as a video. With --coco the results of images
also go to <out dir>/panoptic.json and <out dir>/panoptic/, in COCO's panoptic format.

In your own program:

    predictor = PanopticPredictor('model.onnx')
    panoptic, segments = predictor(cv2.imread('street.jpg'))

Copy this file wherever you need it; models are made by tools/deployment/export_onnx.py.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

try:
    import onnxruntime
except ImportError:
    sys.exit('onnxruntime is missing: pip install onnxruntime')

FORMAT = 1
OFFSET = 1000
IMAGES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')
VIDEOS = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v')
KEYS = (
    'einet_format', 'categories', 'channels', 'mean', 'std', 'pad_size_divisor', 'pad_value',
    'resize', 'grouping', 'input_size',
)  # fmt: skip


class PanopticResult(NamedTuple):
    """Result of one image.

    Attributes:
        panoptic: (height, width) int32, segment ids; 0 is void.
        segments: One dict for each segment, as in COCO's ``segments_info``: ``id``,
            ``category_id``, ``area``, ``bbox`` (x, y, width, height) and ``iscrowd``; also
            ``score`` (1 for stuff), ``category`` (name), ``isthing`` and ``color`` (RGB).
    """

    panoptic: np.ndarray
    segments: list[dict]


class PanopticPredictor:
    """A model that segments images.

    Args:
        model: ONNX file of ``tools/deployment/export_onnx.py``.
        providers: ONNX Runtime's execution providers.
        threads: Cores to use; 0 for all.

    Raises:
        ValueError: The file is damaged, made by something else, or by a newer version.
    """

    def __init__(self, model, providers=('CPUExecutionProvider',), threads=0):
        if not Path(model).is_file():
            raise ValueError(f'there is no model {model}')
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # The arena keeps what it once needed: 3.0 GB with a ResNet-50, 1.7 GB without, as fast.
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        try:
            self.session = onnxruntime.InferenceSession(
                str(model), options, providers=list(providers)
            )
        # ONNX Runtime's errors have no common class of their own.
        except Exception as error:
            reason = ' '.join(str(error).split())
            raise ValueError(
                f'{model} cannot be loaded by ONNX Runtime {onnxruntime.__version__}; if it needs '
                f'a newer opset, update onnxruntime: {reason[:300]}'
            ) from error
        self.meta = _read_metadata(model, self.session.get_modelmeta().custom_metadata_map)
        self.categories = self.meta['categories']

    def __call__(self, image: np.ndarray) -> PanopticResult:
        """Segment an image.

        Args:
            image: (height, width, 3) uint8 BGR, as OpenCV reads it; gray and BGRA work too.

        Raises:
            ValueError: It is no such image.
        """
        image = _three_channels(image)
        size = image.shape[:2]
        resized = self._resize(image)
        panoptic, labels, scores, ids = self.session.run(
            ['panoptic_seg', 'labels', 'scores', 'panoptic_ids'],
            {
                'images': self._normalize(resized),
                'image_size': np.array(resized.shape[:2], np.int64),
                'original_size': np.array(size, np.int64),
            },
        )
        things = {int(i): float(s) for i, s in zip(ids[0], scores[0], strict=True) if i > 0}
        return self._list_segments(panoptic[0], things)

    def _resize(self, image: np.ndarray) -> np.ndarray:
        """The size that the network was trained for, or the one that the graph takes."""
        height, width = image.shape[:2]
        new = _new_size((width, height), self.meta['resize'])
        if self.meta['input_size']:
            limits = self.meta['input_size'][::-1]
            if any(side > limit for side, limit in zip(new, limits, strict=True)):
                factor = min(limits[0] / width, limits[1] / height)
                new = _scaled((width, height), factor)
        if new == (width, height):
            return image
        return cv2.resize(image, new, interpolation=cv2.INTER_LINEAR)

    def _normalize(self, image: np.ndarray) -> np.ndarray:
        """(1, 3, H, W) float32, padded to the right and at the bottom."""
        meta = self.meta
        if meta['channels'] == 'rgb':
            image = image[..., ::-1]
        values = (image.astype(np.float32) - np.float32(meta['mean'])) / np.float32(meta['std'])
        divisor = meta['pad_size_divisor']
        rounded_up = [-(-side // divisor) * divisor for side in image.shape[:2]]
        height, width = meta['input_size'] or rounded_up
        padded = np.full((1, 3, height, width), meta['pad_value'], np.float32)
        padded[0, :, : image.shape[0], : image.shape[1]] = values.transpose(2, 0, 1)
        return padded

    def _list_segments(self, ids: np.ndarray, scores: dict[int, float]) -> PanopticResult:
        """Segments of a map of label + OFFSET * instance, void = number of classes."""
        values, inverse, areas = np.unique(ids, return_inverse=True, return_counts=True)
        inverse = inverse.reshape(ids.shape)
        segments = []
        for index, (value, area) in enumerate(zip(values.tolist(), areas.tolist(), strict=True)):
            label = value % OFFSET
            if label == len(self.categories):
                continue
            category = self.categories[label]
            segments.append(
                dict(
                    id=value + 1,
                    category_id=category['id'],
                    area=area,
                    bbox=list(cv2.boundingRect((inverse == index).astype(np.uint8))),
                    iscrowd=0,
                    score=scores.get(value, 1.0),
                    category=category['name'],
                    isthing=category['isthing'],
                    color=category['color'],
                )
            )
        # One more than in the graph, so that 0 is void alone.
        return PanopticResult(np.where(ids % OFFSET == len(self.categories), 0, ids + 1), segments)


def _read_metadata(model, stored: dict[str, str]) -> dict:
    """What the file says of itself.

    Raises:
        ValueError: It says nothing, too little, or what only a newer version understands.
    """
    way_out = 'write the file again with tools/deployment/export_onnx.py'
    try:
        meta = {key: json.loads(stored[key]) for key in KEYS if key in stored}
    except json.JSONDecodeError as error:
        raise ValueError(f'{model}: its metadata is damaged ({error}): {way_out}') from error
    missing = [key for key in KEYS if key not in meta]
    if missing:
        raise ValueError(f'{model}: its metadata lacks {", ".join(missing)}: {way_out}')
    if meta['einet_format'] != FORMAT:
        raise ValueError(
            f'{model}: its metadata has format {meta["einet_format"]}, this file reads {FORMAT}: '
            'take einet_onnx.py from the version that wrote the model'
        )
    if meta['grouping'] is None:
        raise ValueError(
            f'{model} has the network alone, without the grouping of instances: export an EINet'
        )
    return meta


def _three_channels(image: np.ndarray) -> np.ndarray:
    """BGR of a gray, BGR or BGRA image."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise ValueError('an image must be a NumPy array of uint8, as cv2.imread gives it')
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3, 4) or 0 in image.shape:
        raise ValueError(f'an image must be (height, width, 3), got shape {image.shape}')
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image[..., :3]


def _new_size(size: tuple[int, int], resize: dict) -> tuple[int, int]:
    """(width, height) after the ``Resize`` of the model's test pipeline."""
    scale, factor = resize.get('scale'), resize.get('scale_factor')
    if scale is None and factor is None:
        return size
    if scale is None:
        scale = _scaled(size, factor)
    if not resize['keep_ratio']:
        return tuple(scale)
    return _scaled(size, min(max(scale) / max(size), min(scale) / min(size)))


def _scaled(size: tuple[int, int], factor) -> tuple[int, int]:
    factors = factor if isinstance(factor, list) else (factor, factor)
    return tuple(max(int(side * f + 0.5), 1) for side, f in zip(size, factors, strict=True))


def draw(image: np.ndarray, result: PanopticResult) -> np.ndarray:
    """The segments' colors over an image (BGR), and white lines between segments."""
    ids = result.panoptic
    drawn = _three_channels(image).copy()
    for number, segment in enumerate(result.segments):
        x, y, width, height = segment['bbox']
        part = (slice(y, y + height), slice(x, x + width))
        color = np.array(segment['color'][::-1], np.float32)
        if segment['isthing']:
            # Neighbors of one class in different shades.
            color *= (1.0, 0.75, 0.55)[number % 3]
        mask = ids[part] == segment['id']
        drawn[part][mask] = drawn[part][mask] * 0.45 + color * 0.55
    border = np.zeros(ids.shape, bool)
    border[1:] |= ids[1:] != ids[:-1]
    border[:, 1:] |= ids[:, 1:] != ids[:, :-1]
    drawn[border] = 255
    return drawn


def read_image(path: Path) -> np.ndarray:
    """An image, turned as its EXIF data says.

    Raises:
        ValueError: It cannot be read.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f'{path} cannot be read as an image')
    return image


def write(path: Path, image: np.ndarray) -> None:
    """Write an image.

    Raises:
        ValueError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image):
        raise ValueError(f'{path} cannot be written')


def run_images(
    predictor: PanopticPredictor, paths: list[Path], out_dir: Path, coco: bool
) -> list[str]:
    """Draw images, and with ``coco`` write their results; returns what went wrong."""
    images, annotations, failures = [], [], []
    for number, path in enumerate(paths, start=1):
        try:
            image = read_image(path)
            result = predictor(image)
            # With its suffix, because a.jpg and a.png may lie in one folder.
            write(out_dir / f'{path.name}.png', draw(image, result))
            if coco:
                codes = [result.panoptic >> shift & 255 for shift in (16, 8, 0)]
                write(out_dir / 'panoptic' / f'{path.name}.png', np.dstack(codes).astype(np.uint8))
        except ValueError as error:
            failures.append(str(error))
            continue
        height, width = image.shape[:2]
        images.append(dict(id=number, file_name=path.name, height=height, width=width))
        annotations.append(
            dict(image_id=number, file_name=f'{path.name}.png', segments_info=result.segments)
        )
        print(f'{number}/{len(paths)} {path}: {len(result.segments)} segments', flush=True)
    if coco:
        content = dict(images=images, annotations=annotations, categories=predictor.categories)
        (out_dir / 'panoptic.json').write_text(json.dumps(content))
    return failures


def run_video(predictor: PanopticPredictor, path: Path, out_dir: Path) -> list[str]:
    """Draw all frames of a video as a video; returns what went wrong."""
    video = cv2.VideoCapture(str(path))
    count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    writer, done = None, 0
    out = out_dir / f'{path.stem}.mp4'
    while True:
        there, frame = video.read()
        if not there:
            break
        if writer is None:
            rate = video.get(cv2.CAP_PROP_FPS) or 25.0
            size = frame.shape[1::-1]
            writer = cv2.VideoWriter(str(out), cv2.VideoWriter_fourcc(*'mp4v'), rate, size)
            if not writer.isOpened():
                return [f'{out} cannot be written as a video']
        writer.write(draw(frame, predictor(frame)))
        done += 1
        print(f'frame {done}/{count}', end='\r', flush=True)
    if writer is None:
        return [f'{path} cannot be read as a video: it has no frame that OpenCV can decode']
    writer.release()
    print(f'{out}: {done} frames')
    if done < count:
        return [f'{path} ends after {done} of {count} frames: it is damaged, or was cut off']
    return []


def find_inputs(path: Path) -> list[Path]:
    """The file itself, or the images directly inside a folder, by name.

    Raises:
        ValueError: There is nothing.
    """
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGES)
        if not found:
            raise ValueError(f'{path} holds no image ({", ".join(IMAGES)})')
        return found
    if not path.is_file():
        raise ValueError(f'there is no image, video or folder {path}')
    return [path]


def main(argv: list[str] | None = None) -> None:
    """Segment what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('model', help='ONNX file')
    parser.add_argument('input', type=Path, help='image, folder of images, or video')
    parser.add_argument(
        '--out-dir', type=Path, default=Path('outputs'), help='folder for results (%(default)s)'
    )
    parser.add_argument('--coco', action='store_true', help="also write COCO's panoptic format")
    parser.add_argument('--threads', type=int, default=0, help='cores to use (all)')
    parser.add_argument(
        '--providers',
        nargs='+',
        default=['CPUExecutionProvider'],
        help="ONNX Runtime's, such as CUDAExecutionProvider (%(default)s)",
    )
    args = parser.parse_args(argv)
    try:
        paths = find_inputs(args.input)
        predictor = PanopticPredictor(args.model, args.providers, args.threads)
        args.out_dir.mkdir(parents=True, exist_ok=True)
        if args.input.suffix.lower() in VIDEOS:
            failures = run_video(predictor, args.input, args.out_dir)
        else:
            failures = run_images(predictor, paths, args.out_dir, args.coco)
    except (OSError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    if failures:
        sys.exit('\n'.join(failures))
    print(f'The results are in {args.out_dir}')


if __name__ == '__main__':
    main()
