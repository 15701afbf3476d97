"""Draw the panoptic segmentation of a video, in colors that stay with an object.

    python tools/video_demo.py street.mp4 CONFIG CHECKPOINT --out drawn.mp4

The video is a file, a folder of frames (by name) or the number of a camera. Instances are matched
from frame to frame by their masks and centroid embeddings (einet.video).
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec('einet') is None:
    sys.exit('einet is not installed in this environment: run `pip install -e .` in the project.')

from einet_tools.arguments import ConfigOptions, add_trust_argument

VIDEOS = ('.mp4', '.avi', '.gif')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line, with the options of mmdet's demo/video_demo.py that apply."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('video', help='video file, folder of frames, or number of a camera')
    parser.add_argument('config', help='config file, or name of a model with published weights')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file; not needed with a name')
    parser.add_argument(
        '--out', type=Path, help='video to write (.mp4, .avi, .gif), or a folder for PNG frames'
    )
    parser.add_argument(
        '--out-panoptic',
        type=Path,
        metavar='DIR',
        help="also write each frame's segments in COCO's format; an object keeps its id",
    )
    parser.add_argument('--fps', type=float, help="frames per second; default: the video's, or 25")
    parser.add_argument('--device', help='for example cpu or cuda:0; default: what is there')
    parser.add_argument('--palette', default='none', help="coco, citys, random, or the config's")
    parser.add_argument(
        '--no-names', action='store_true', help='leave out class names, which move with the objects'
    )
    parser.add_argument('--show', action='store_true', help='show it in a window; q ends it')
    parser.add_argument(
        '--wait-time', type=float, default=1, help='milliseconds that --show waits (default 1)'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=ConfigOptions, metavar='KEY=VALUE', help='as in test.py'
    )
    add_trust_argument(parser)
    args = parser.parse_args(argv)
    if not (args.out or args.out_panoptic or args.show):
        parser.error('nothing would be kept: give --out, --out-panoptic or --show')
    if args.out is not None and args.out.suffix and args.out.suffix.lower() not in VIDEOS:
        parser.error(f'--out {args.out}: write a {", ".join(VIDEOS)} file, or a folder of frames')
    if args.fps is not None and args.fps <= 0:
        parser.error(f'--fps {args.fps} must be positive')
    return args


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

import contextlib
import os
import re
from collections.abc import Iterator

import cv2
import numpy as np

from einet.evaluation.coco_results import ID_SHIFT, WrittenImage, write_image, write_json
from einet.structures.files import check_folder, check_overwrite
from einet.structures.limits import INSTANCE_OFFSET, MAX_ID
from einet.structures.panoptic_ids import restore_void
from einet.utils import DetInferencer, build_inferencer, trust_checkpoints
from einet.video import FrameSource, InstanceTracker, open_frames, open_writer
from einet.visualization import draw_panoptic, resize_pair, track_colors
from einet.visualization.panoptic import fit_scale

# After einet, which keeps mmdet's notices off the screen.
# isort: split
from mmdet.structures import DetDataSample
from rich.progress import track

MIN_SIZE = 400  # shorter side of what is drawn, as PanopticLocalVisualizer's


def numbered_map(
    sample: DetDataSample, meta: dict, tracker: InstanceTracker
) -> tuple[np.ndarray, dict[int, int]]:
    """The panoptic map with an object's number in its id, and the numbers by id.

    Returns:
        (H, W) int64, label + 1000 x number, void = C; number by id.
    """
    classes, things = meta['classes'], meta.get('thing_classes', ())
    panoptic_seg = sample.pred_panoptic_seg.sem_seg[0].cpu().numpy().astype(np.int64)
    panoptic_seg = restore_void(panoptic_seg, len(classes), classes[0] in things)
    instances = sample.pred_instances.cpu().numpy()
    ids, labels = instances.panoptic_ids, instances.labels
    numbers = tracker.update(panoptic_seg, ids, labels, instances.get('embeddings'))
    table = np.arange(1 + max(panoptic_seg.max(initial=0), ids.max(initial=0)))
    table[ids] = labels + INSTANCE_OFFSET * numbers
    return table[panoptic_seg], dict(zip(table[ids].tolist(), numbers.tolist(), strict=True))


def draw(
    frame: np.ndarray,
    panoptic_seg: np.ndarray,
    numbers: dict[int, int],
    meta: dict,
    with_names: bool,
) -> np.ndarray:
    """The frame (H, W, 3) RGB with its segments, enlarged when it is small."""
    scale = fit_scale(*frame.shape[:2], MIN_SIZE)
    size = round(frame.shape[1] * scale), round(frame.shape[0] * scale)
    colors = track_colors(panoptic_seg, len(meta['classes']), numbers, meta.get('palette'))
    image, panoptic_seg = resize_pair(frame, panoptic_seg, size)
    return draw_panoptic(image, panoptic_seg, meta['classes'], colors, with_names=with_names)


def segment(
    frames: FrameSource, inferencer: DetInferencer
) -> Iterator[tuple[np.ndarray, np.ndarray, dict[int, int]]]:
    """Each frame (RGB) with its panoptic map and its objects' numbers."""
    tracker, meta = InstanceTracker(), inferencer.visualizer.dataset_meta
    for frame in track(frames, total=frames.count, description='Segmenting'):
        sample = inferencer(frame, return_datasamples=True)['predictions'][0]
        yield frame[..., ::-1], *numbered_map(sample, meta, tracker)


def keep_panoptic(folder: Path, index: int, panoptic_seg: np.ndarray, meta: dict) -> WrittenImage:
    """Write the PNG of one frame; category ids are labels + 1.

    Raises:
        ValueError: More objects were numbered than a PNG has ids for.
    """
    if panoptic_seg.max(initial=0) + ID_SHIFT > MAX_ID:
        raise ValueError(
            f'--out-panoptic: frame {index} shows object {panoptic_seg.max() // INSTANCE_OFFSET}, '
            f'and ids in a PNG end at {MAX_ID}: cut the video into parts'
        )
    categories = tuple(range(1, len(meta['classes']) + 1))
    return write_image(folder, f'{index:06d}.png', index, panoptic_seg, categories)


def show(drawn: np.ndarray, wait_time: float) -> bool:
    """Show a frame; whether to go on."""
    cv2.imshow('einet', drawn[..., ::-1])
    return cv2.waitKey(max(1, round(wait_time))) & 0xFF not in (ord('q'), 27)


@contextlib.contextmanager
def panoptic_frames(folder: Path | None, meta: dict) -> Iterator[list[WrittenImage]]:
    """A list to fill; its JSON is written beside the folder, whatever ends the video."""
    written: list[WrittenImage] = []
    try:
        yield written
    finally:
        if folder is not None and written:
            things = frozenset(map(meta['classes'].index, meta.get('thing_classes', ())))
            # Resolved, since `.` has no name.
            path = folder.resolve()
            write_json(path.with_name(f'{path.name}.json'), written, meta['classes'], things)


def write_outputs(frames: FrameSource, inferencer: DetInferencer, args: argparse.Namespace) -> int:
    """Segment all frames and write or show what is asked for; returns how many there were."""
    meta = inferencer.visualizer.dataset_meta
    done = 0
    with contextlib.ExitStack() as stack:
        written = stack.enter_context(panoptic_frames(args.out_panoptic, meta))
        writer = (
            stack.enter_context(open_writer(args.out, args.fps or frames.fps)) if args.out else None
        )
        for frame, panoptic_seg, numbers in segment(frames, inferencer):
            done += 1
            if args.out_panoptic is not None:
                written.append(keep_panoptic(args.out_panoptic, done - 1, panoptic_seg, meta))
            if writer is None and not args.show:
                continue
            drawn = draw(frame, panoptic_seg, numbers, meta, not args.no_names)
            if writer is not None:
                writer.write(drawn)
            if args.show and not show(drawn, args.wait_time):
                break
    return done


def check_window() -> None:
    """Refuse --show where OpenCV opens no window.

    Raises:
        ValueError: It was built without windows, or there is no display, where it would abort.
    """
    if re.search(r'GUI: +NONE', cv2.getBuildInformation()):
        raise ValueError(
            '--show: this OpenCV has no windows; write a video with --out, or replace it: pip '
            'uninstall opencv-python-headless, then pip install '
            f'"opencv-python=={cv2.__version__}.*"'
        )
    if sys.platform == 'linux' and not {'DISPLAY', 'WAYLAND_DISPLAY'} & set(os.environ):
        raise ValueError('--show: there is no display; write a video with --out')


def check_outputs(args: argparse.Namespace) -> None:
    """Refuse outputs that cannot be written, or would be written over what is there."""
    if args.show:
        check_window()
    for path, option in ((args.out, '--out'), (args.out_panoptic, '--out-panoptic')):
        if path is not None:
            check_overwrite([path], [Path(args.video)], option)
            is_movie = path.suffix.lower() in VIDEOS and path == args.out
            check_folder(path.parent if is_movie else path, option)
            if not is_movie and any(path.glob('[0-9]' * 6 + '.png')):
                raise ValueError(f'{option}: {path} has frames already: name another')
    if args.out and args.out_panoptic and args.out.resolve() == args.out_panoptic.resolve():
        raise ValueError(f'--out and --out-panoptic are both {args.out}: name two folders')


def main(argv: list[str] | None = None) -> None:
    """Segment, follow, draw."""
    args = parse_args(argv)
    try:
        frames = open_frames(args.video)
        check_outputs(args)
        trust_checkpoints(args.trust_checkpoint)
        inferencer = build_inferencer(
            args.config, args.checkpoint, args.device, args.palette, args.cfg_options
        )
        done = write_outputs(frames, inferencer, args)
    except (OSError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    outputs = ' and '.join(str(path) for path in (args.out, args.out_panoptic) if path is not None)
    print(f'{done} frames' + (f' are in {outputs}' if outputs else ''))
    if frames.problem and not args.show:
        sys.exit(frames.problem)


if __name__ == '__main__':
    main()
