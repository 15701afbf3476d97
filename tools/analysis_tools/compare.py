r"""Train and test several configs with the same seeds, and put them side by side.

One run per config and seed, in WORK_DIR/<config>/seed<n>. A complete run is reused; one that
was interrupted goes on from its last checkpoint. WORK_DIR/comparison.{md,json} get the mean, the
spread over seeds and the paired difference from the first config, anew after every run.

    python tools/analysis_tools/compare.py configs/ablation/table3_*_tiny_shapes.py \
        --work-dir work_dirs/table3 --seeds 0 1 2 --jobs 2 --cfg-options train_cfg.max_iters=300

Variants of the last config are rows of their own; with --holdout they are scored on training
images, which is how to choose settings without looking at the validation images.

    python tools/analysis_tools/compare.py configs/einet_r18_nuclei.py \
        --variants configs/_base_/variants/repairs.py --holdout 5 --work-dir work_dirs/choice
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('configs', nargs='+', type=Path, help='the first one is the reference')
    parser.add_argument('--work-dir', type=Path, required=True, help='folder for all runs')
    parser.add_argument(
        '--variants', type=Path, help='file with `variants`: changes of the last config, by name'
    )
    parser.add_argument(
        '--only', nargs='+', metavar='NAME', help='variants to take; default: all of the file'
    )
    parser.add_argument(
        '--holdout',
        type=int,
        metavar='N',
        help='train without every N-th training image, and score on those',
    )
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument('--jobs', type=int, default=1, help='runs at the same time')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads of each run')
    parser.add_argument('--data-root', help='see tools/train.py')
    parser.add_argument('--cfg-options', nargs='+', default=[], help='for all configs')
    args = parser.parse_args(argv)
    stems = [config.stem for config in args.configs]
    if len(set(stems)) < len(stems):
        parser.error('two configs have the same name, so their runs would share a folder')
    for config in [*args.configs, *([args.variants] if args.variants else [])]:
        if not config.is_file():
            parser.error(f'there is no config {config}')
    if args.only and not args.variants:
        parser.error('--only names variants of the file that --variants gives')
    if args.holdout is not None and args.holdout < 2:
        parser.error(f'--holdout {args.holdout} leaves no image to train on')
    return args


if __name__ == '__main__':
    # --help and mistakes are answered before the imports, which take seconds.
    parse_args()

from mmengine.config import Config

from einet.evaluation.comparison_table import compare_scores, format_table
from einet.utils import hold_out, set_data_root

TOOLS = Path(__file__).resolve().parent.parent
SCORES = 'scores.json'
SETTINGS = 'settings.json'


@dataclass(frozen=True)
class Run:
    """One training.

    Args:
        row: Name of its row in the table.
        config: What is trained.
        seed: Seed of everything random.
        folder: Folder of its results.
        options: More arguments for both tools.
        threads: CPU threads.
    """

    row: str
    config: Config
    seed: int
    folder: Path
    options: tuple[str, ...]
    threads: int

    @property
    def settings(self) -> dict[str, object]:
        """What must be equal for a run to be reused."""
        return {
            'config': self.config.to_dict(),
            'seed': self.seed,
            'options': list(self.options),
        }

    def execute(self) -> dict[str, float | None]:
        """Train and test, or read what is there.

        Returns:
            Scores by name; None is not measured.

        Raises:
            ValueError: The folder holds a run with other settings.
            RuntimeError: Training or test fails.
        """
        self._claim_folder()
        scores = self.folder / SCORES
        if not scores.exists():
            if not (self.folder / 'trained').exists():
                self._call('train.py', '--resume', seed=True)
                (self.folder / 'trained').touch()
            checkpoint = (self.folder / 'last_checkpoint').read_text().strip()
            self._call('test.py', checkpoint)
            newest = max(self.folder.glob(f'*/{SCORES}'), key=lambda path: path.stat().st_mtime)
            content = json.loads(newest.read_text())
            content['scores'] |= training_figures(self.folder)
            scores.write_text(json.dumps(content))
        return json.loads(scores.read_text())['scores']

    def _claim_folder(self) -> None:
        record = self.folder / SETTINGS
        if not record.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.config.dump(self._config_file)
            record.write_text(json.dumps(self.settings))
        elif json.loads(record.read_text()) != json.loads(json.dumps(self.settings)):
            raise ValueError(
                f'{self.folder} holds a run with another config, seed or options; '
                f'choose another --work-dir, or remove that folder'
            )

    @property
    def _config_file(self) -> Path:
        return self.folder / f'{self.row}.py'

    def _call(self, tool: str, *arguments: str, seed: bool = False) -> None:
        options = list(self.options)
        if seed:
            if '--cfg-options' not in options:
                options.append('--cfg-options')
            options.append(f'randomness.seed={self.seed}')
        command = [sys.executable, TOOLS / tool, self._config_file, *arguments]
        log = self.folder / f'{Path(tool).stem}.log'
        with log.open('a') as output:
            code = subprocess.call(
                [*map(str, command), '--work-dir', str(self.folder), *options],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, 'OMP_NUM_THREADS': str(self.threads)},
            )
        if code:
            raise RuntimeError(f'{tool} failed for {self.folder}; its output is in {log}')


def training_figures(folder: Path) -> dict[str, float]:
    """What a training's log says beside its scores.

    Args:
        folder: Work dir of the training.

    Returns:
        ``cosine``: the largest cosine between two centers of things at the end, where there are
        two; ``step``: median seconds of an iteration.
    """
    figures, times = {}, []
    for path in sorted(folder.glob('*/vis_data/scalars.json')):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            if 'loss' in entry:
                times.append(entry['time'])
                # -1 stands for less than two centers.
                if entry.get('centers_cosine_things', -1) > -1:
                    figures['cosine'] = entry['centers_cosine_things']
    return figures | ({'step': statistics.median(times)} if times else {})


def build_rows(args: argparse.Namespace) -> dict[str, Config]:
    """The config of each row of the table, by its name."""
    rows = {path.stem: Config.fromfile(path) for path in args.configs}
    last = args.configs[-1]
    if args.variants:
        variants = Config.fromfile(args.variants).variants
        unknown = set(args.only or ()) - variants.keys()
        if unknown:
            sys.exit(f'{args.variants} has no {sorted(unknown)}; it has {list(variants)}')
        for name in args.only or variants:
            rows[f'{last.stem}-{name}'] = Config.fromfile(last)
            rows[f'{last.stem}-{name}'].merge_from_dict(dict(variants[name]))
    for config in rows.values():
        if args.data_root:
            set_data_root(config, args.data_root)
        if args.holdout:
            hold_out(config, args.holdout)
    return rows


def write_comparison(folder: Path, scores: dict[str, dict[int, dict[str, float | None]]]) -> None:
    """Put the runs that are complete side by side, as JSON and as a table."""
    comparison = compare_scores(scores)
    (folder / 'comparison.json').write_text(json.dumps(comparison, indent=1))
    (folder / 'comparison.md').write_text(format_table(comparison))


def main(argv: list[str] | None = None) -> None:
    """Run what is missing, then write the comparison."""
    args = parse_args(argv)
    options = ['--cfg-options', *args.cfg_options] if args.cfg_options else []
    rows = build_rows(args)
    # Seed by seed, so that an interrupted comparison has every config.
    runs = [
        Run(row, config, seed, args.work_dir / row / f'seed{seed}', tuple(options), args.threads)
        for seed in args.seeds
        for row, config in rows.items()
    ]
    scores: dict[str, dict[int, dict[str, float | None]]] = {row: {} for row in rows}
    failures = []
    start = time.monotonic()
    with ExitStack() as stack:
        pool = ThreadPoolExecutor(args.jobs)
        # After Ctrl-C no further run starts.
        stack.callback(pool.shutdown, cancel_futures=True)
        pending = {pool.submit(run.execute): run for run in runs}
        for done, future in enumerate(as_completed(pending), 1):
            run = pending[future]
            try:
                scores[run.row][run.seed] = future.result()
                text = f'PQ {future.result().get("PQ")}'
            except (OSError, RuntimeError, ValueError) as error:
                failures.append(run)
                text = str(error)
            minutes = (time.monotonic() - start) / 60
            print(f'[{done}/{len(runs)}] {minutes:.1f} min  {run.folder}: {text}', flush=True)
            write_comparison(args.work_dir, scores)
    print(format_table(compare_scores(scores)))
    if failures:
        sys.exit(f'{len(failures)} of {len(runs)} runs failed; the same command tries them again')


if __name__ == '__main__':
    main()
