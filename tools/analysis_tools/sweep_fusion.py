"""Score one checkpoint with many settings of its fusion; the network runs once per image.

Every combination of the values is tried: how to choose a threshold and a kernel without training
again. Choose on training images that the checkpoint has not seen (--holdout, see compare.py).
With --oracles, also with what the network should have said instead of what it says, on the grid
of its maps: the semantics, the peaks (heatmap), or both. What remains is the grouping's error.

    python tools/analysis_tools/sweep_fusion.py CONFIG CHECKPOINT --holdout 5 \
        --grid peak_threshold=0.1,0.2,0.3 kernel_size=3,5,7 --out sweep.json
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path
from typing import Any

from einet_tools.arguments import ConfigOptions, add_common_arguments, add_trust_argument


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_arguments(parser)
    add_trust_argument(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--grid',
        nargs='+',
        action=ConfigOptions,
        default={},
        metavar='OPTION=VALUE,VALUE',
        help='options of model.fusion, and the values to try',
    )
    parser.add_argument(
        '--holdout', type=int, metavar='N', help='score on every N-th training image'
    )
    parser.add_argument('--oracles', action='store_true', help='also with ground truth given')
    parser.add_argument('--out', type=Path, help='JSON to write')
    parser.add_argument('--device', help='for example cpu or cuda:0; default: what is there')
    args = parser.parse_args(argv)
    if not Path(args.checkpoint).is_file():
        parser.error(f'there is no checkpoint {args.checkpoint}')
    return args


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.utils import track_iter_progress
from terminaltables import GithubFlavoredMarkdownTable
from torch import Tensor, nn

from einet.evaluation.classes import PanopticClasses
from einet.evaluation.measures.pq import PQMeasure, class_quality, mean_quality, sum_statistics
from einet.evaluation.measures.pq_matching import PQStatistics
from einet.evaluation.sample import EvaluatedSample
from einet.functional.resize import Shapes
from einet.models.coarse_maps import instance_numbers, nearest
from einet.models.outputs import split_outputs, write_prediction
from einet.structures.files import check_file
from einet.utils import hold_out, load_config

# After einet, which keeps mmdet's notices off the screen.
# isort: split
from mmdet.apis import init_detector
from mmdet.registry import DATASETS, MODELS
from mmdet.structures import DetDataSample

ORACLES = ('none', 'semantics', 'peaks', 'both')
_SURE = 20.0  # a logit that leaves no doubt
_SIGMA = 1.0  # spread of a given peak, in cells


def settings(grid: dict[str, Any]) -> list[dict[str, Any]]:
    """Every combination of a grid's values; a grid without options has one, of nothing."""
    values = [value if isinstance(value, list) else [value] for value in grid.values()]
    return [dict(zip(grid, chosen, strict=True)) for chosen in itertools.product(*values)]


def given(outputs: tuple, sample: DetDataSample, oracle: str) -> tuple:
    """The maps of an image, with the truth in place of some.

    Args:
        outputs: Network's maps of one image.
        sample: Packed, padded like the network's input.
        oracle: One of ``ORACLES``.
    """
    if oracle in ('semantics', 'both'):
        outputs = outputs._replace(semantic_logits=true_semantics(outputs.semantic_logits, sample))
    if oracle in ('peaks', 'both'):
        outputs = outputs._replace(heatmap_logits=true_peaks(outputs.heatmap_logits, sample))
    return outputs


def true_semantics(logits: Tensor, sample: DetDataSample) -> Tensor:
    """Logits (C, h, w) that are sure of the ground truth; those of void stay."""
    num_classes, *size = logits.shape
    labels = nearest(sample.gt_sem_seg.sem_seg[0], (size[0], size[1])).long()
    known = labels < num_classes
    truth = nn.functional.one_hot(labels.where(known, 0), num_classes).permute(2, 0, 1)
    return (_SURE * truth).to(logits).where(known, logits)


def true_peaks(logits: Tensor, sample: DetDataSample) -> Tensor:
    """Logits (1 or C_th, h, w) with a peak at the exact centroid of every instance."""
    channels, height, width = logits.shape
    instances = sample.gt_instances
    rows, columns = instance_numbers(sample).shape
    scale = logits.new_tensor([width / columns, height / rows])
    x, y = ((instances.centroids.to(logits) + 0.5) * scale - 0.5).t()
    squared = (torch.arange(width).to(logits) - x[:, None]).square()[:, None, :]
    squared = squared + (torch.arange(height).to(logits) - y[:, None]).square()[:, :, None]
    peaks = (-squared / (2 * _SIGMA**2)).exp()
    heatmap = logits.new_zeros(channels, height, width)
    labels = instances.labels if channels > 1 else torch.zeros_like(instances.labels)
    for label, peak in zip(labels.tolist(), peaks, strict=True):
        heatmap[label] = heatmap[label].maximum(peak)
    return heatmap.clamp(1e-6, 1 - 1e-6).logit()


@torch.no_grad()
def measure_image(
    model: nn.Module, data: dict[str, Any], rows: list[tuple[str, nn.Module]], meta: dict[str, Any]
) -> list[PQStatistics]:
    """Panoptic statistics of one image, by row: oracle and fusion."""
    batch = model.data_preprocessor(pseudo_collate([data]), False)
    outputs = split_outputs(model(**batch, mode='tensor'))[0]
    sample = batch['data_samples'][0]
    shapes = Shapes(
        tuple(batch['inputs'].shape[-2:]), tuple(sample.img_shape[:2]), tuple(sample.ori_shape[:2])
    )
    measure, classes = PQMeasure(), PanopticClasses.from_metainfo(meta)
    statistics = []
    for oracle, fusion in rows:
        write_prediction(sample, fusion(given(outputs, sample, oracle), shapes))
        statistics.append(measure.measure(EvaluatedSample(sample.cpu().to_dict(), classes)))
    return statistics


def scores(statistics: list[PQStatistics], meta: dict[str, Any]) -> dict[str, float]:
    """PQ of all, thing and stuff classes in percent, rounded."""
    classes = PanopticClasses.from_metainfo(meta)
    quality = class_quality(sum_statistics(statistics, len(classes)))
    things, stuff = sorted(classes.thing_labels), sorted(classes.stuff_labels)
    groups = {'PQ': range(len(classes)), 'PQ_th': things, 'PQ_st': stuff}
    return {
        name: round(100 * mean_quality(quality, labels)[0].pq, 2) for name, labels in groups.items()
    }


def build_data(config: Config, holdout: int | None) -> Any:
    """Test data of a config, or the images that --holdout leaves out of the training."""
    if holdout:
        hold_out(config, holdout)
    init_default_scope(config.get('default_scope', 'mmdet'))
    return DATASETS.build(config.test_dataloader.dataset)


def main(argv: list[str] | None = None) -> None:
    """Run the network over the images, and the fusions over its maps."""
    args = parse_args(argv)
    try:
        if args.out:
            check_file(args.out, '.json', '--out')
        config = load_config(args)
        dataset = build_data(config, args.holdout)
        model = init_detector(config, args.checkpoint, device=args.device or get_device())
        fusion, counts = dict(config.model.fusion), model.class_counts
        tried = settings(args.grid)
        fusions = [MODELS.build({**counts, **fusion, **setting}) for setting in tried]
    except (OSError, TypeError, ValueError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    oracles = ORACLES if args.oracles else ORACLES[:1]
    rows = list(itertools.product(oracles, fusions))
    measured = [
        measure_image(model, dataset[index], rows, dataset.metainfo)
        for index in track_iter_progress(range(len(dataset)))
    ]
    results = [
        {'oracle': oracle, **setting, **scores(list(images), dataset.metainfo)}
        for (oracle, setting), images in zip(
            itertools.product(oracles, tried), zip(*measured, strict=True), strict=True
        )
    ]
    header = list(results[0])
    table = [header, *([str(result[key]) for key in header] for result in results)]
    print('\n' + GithubFlavoredMarkdownTable(table).table)
    if args.out:
        args.out.write_text(json.dumps(results, indent=1))


if __name__ == '__main__':
    main()
