r"""Train and test several configs with the same seeds, and put them side by side.

One run per config and seed, in WORK_DIR/<config>/seed<n>. A complete run is reused; one that
was interrupted goes on from its last checkpoint. WORK_DIR/comparison.{md,json} get the mean, the
spread over seeds and the paired difference from the first config.

    python tools/analysis_tools/compare.py configs/ablation/table3_*_tiny_shapes.py \
        --work-dir work_dirs/table3 --seeds 0 1 2 --jobs 2 --cfg-options train_cfg.max_iters=300
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from einet.evaluation.comparison_table import compare_scores, format_table

TOOLS = Path(__file__).resolve().parent.parent
SCORES = 'scores.json'
SETTINGS = 'settings.json'


@dataclass(frozen=True)
class Run:
    """One training.

    Args:
        config: Config file.
        seed: Seed of everything random.
        folder: Folder of its results.
        options: More arguments for both tools.
        threads: CPU threads.
    """

    config: Path
    seed: int
    folder: Path
    options: tuple[str, ...]
    threads: int

    @property
    def settings(self) -> dict[str, object]:
        """What must be equal for a run to be reused."""
        return {
            'config': Config.fromfile(self.config).to_dict(),
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
            scores.write_text(newest.read_text())
        return json.loads(scores.read_text())['scores']

    def _claim_folder(self) -> None:
        record = self.folder / SETTINGS
        if not record.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            record.write_text(json.dumps(self.settings))
        elif json.loads(record.read_text()) != json.loads(json.dumps(self.settings)):
            raise ValueError(
                f'{self.folder} holds a run with another config, seed or options; '
                f'choose another --work-dir, or remove that folder'
            )

    def _call(self, tool: str, *arguments: str, seed: bool = False) -> None:
        options = list(self.options)
        if seed:
            if '--cfg-options' not in options:
                options.append('--cfg-options')
            options.append(f'randomness.seed={self.seed}')
        command = [sys.executable, TOOLS / tool, self.config, *arguments]
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


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('configs', nargs='+', type=Path, help='the first one is the reference')
    parser.add_argument('--work-dir', type=Path, required=True, help='folder for all runs')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument('--jobs', type=int, default=1, help='runs at the same time')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads of each run')
    parser.add_argument('--data-root', help='see tools/train.py')
    parser.add_argument('--cfg-options', nargs='+', default=[], help='for all configs')
    args = parser.parse_args(argv)
    stems = [config.stem for config in args.configs]
    if len(set(stems)) < len(stems):
        parser.error('two configs have the same name, so their runs would share a folder')
    for config in args.configs:
        if not config.is_file():
            parser.error(f'there is no config {config}')
    return args


def main(argv: list[str] | None = None) -> None:
    """Run what is missing, then write the comparison."""
    args = parse_args(argv)
    options = ['--data-root', args.data_root] if args.data_root else []
    if args.cfg_options:
        options += ['--cfg-options', *args.cfg_options]
    # Seed by seed, so that an interrupted comparison has every config.
    runs = [
        Run(config, seed, args.work_dir / config.stem / f'seed{seed}', tuple(options), args.threads)
        for seed in args.seeds
        for config in args.configs
    ]
    scores: dict[str, dict[int, dict[str, float | None]]] = {c.stem: {} for c in args.configs}
    failures = []
    start = time.monotonic()
    with ThreadPoolExecutor(args.jobs) as pool:
        pending = {pool.submit(run.execute): run for run in runs}
        for done, future in enumerate(as_completed(pending), 1):
            run = pending[future]
            try:
                scores[run.config.stem][run.seed] = future.result()
                text = f'PQ {future.result().get("PQ")}'
            except (RuntimeError, ValueError) as error:
                failures.append(run)
                text = str(error)
            minutes = (time.monotonic() - start) / 60
            print(f'[{done}/{len(runs)}] {minutes:.1f} min  {run.folder}: {text}', flush=True)
    comparison = compare_scores(scores)
    (args.work_dir / 'comparison.json').write_text(json.dumps(comparison, indent=1))
    table = format_table(comparison)
    (args.work_dir / 'comparison.md').write_text(table)
    print(table)
    if failures:
        sys.exit(f'{len(failures)} of {len(runs)} runs failed; the same command tries them again')


if __name__ == '__main__':
    main()
