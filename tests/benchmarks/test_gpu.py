import importlib
import re

import pytest
import torch

from tests.paths import ROOT


@pytest.fixture
def gpu(monkeypatch):
    """The benchmark, which imports others from its own folder."""
    monkeypatch.syspath_prepend(ROOT / 'benchmarks')
    return importlib.import_module('gpu')


class _Event:
    """An event of a GPU, at times that a test sets."""

    times = None

    def __init__(self, enable_timing):
        assert enable_timing

    def record(self):
        self.time = next(self.times)

    def elapsed_time(self, later):
        return later.time - self.time


def _rows(printed):
    """Cells of all rows of the tables, without their heads."""
    lines = re.findall(r'^\| (.*) \|$', printed, re.MULTILINE)
    return [[cell.strip() for cell in re.split(r' ?\| ?', line)] for line in lines]


@pytest.mark.skipif(torch.cuda.is_available(), reason='it would measure the GPU')
def test_without_a_gpu_it_runs_a_small_case(gpu, monkeypatch, capsys):
    monkeypatch.setattr(gpu, 'WARM_UP', 0)
    monkeypatch.setattr('sys.argv', ['gpu.py', '--steps', '1', '--cases', 'x71_coco'])
    gpu.main()
    printed = capsys.readouterr().out
    left_out = re.search('Left out: (.*); peak memory; post-processing at 1025 x 2049', printed)
    assert left_out[1] == 'x71_coco, AMP float16, float32 compiled'
    head, *steps, second_head, by_class, by_vote = _rows(printed)
    assert head[:4] == ['config', 'crop', 'batch', 'precision']
    names = ['`einet_tiny_shapes`'] * 2 + ['`panoptic-deeplab_tiny_shapes`'] * 2
    assert [row[0] for row in steps] == names
    assert [row[1:4] for row in steps] == [
        ['64 x 64', '4', 'float32'],
        ['64 x 64', '4', 'AMP bfloat16'],
    ] * 2
    for row in steps:
        milliseconds, images = float(row[4].removesuffix(' ms')), float(row[5])
        assert images == pytest.approx(4000 / milliseconds, rel=0.01, abs=0.1)
    assert (by_class[:2], by_vote[:2]) == (['class', '10'], ['vote', '10'])


def test_a_gpu_is_timed_by_its_events(gpu, monkeypatch):
    calls = []
    # Steps of 1, 2, 3, 4 and 10 ms.
    monkeypatch.setattr(_Event, 'times', iter([0.0, 1.0, 3.0, 6.0, 10.0, 20.0]))
    pretended = dict(
        is_available=lambda: True,
        synchronize=lambda: calls.append('synchronize'),
        reset_peak_memory_stats=lambda: calls.append('reset'),
        max_memory_allocated=lambda: 7 << 20,
        Event=_Event,
    )
    for name, function in pretended.items():
        monkeypatch.setattr(torch.cuda, name, function)
    measured = gpu.measure(lambda: calls.append('step'), warm_up=2, repeats=5)
    assert calls == ['step', 'step', 'synchronize', 'reset', *['step'] * 5, 'synchronize']
    assert measured == (0.003, 7 << 20)


def test_what_does_not_fit_says_so_and_the_next_row_follows(gpu, monkeypatch, capsys):
    too_large, fits = torch.cuda.OutOfMemoryError(), gpu.Measured(0.25, 3 << 30)
    results = iter([too_large, fits, fits, too_large])

    def measure(*_):
        result = next(results)
        if result is too_large:
            raise result
        return result

    monkeypatch.setattr(gpu, 'measure', measure)
    monkeypatch.setattr(gpu, 'training_step', lambda *_: None)
    gpu.print_steps(gpu.CASES['x71_cityscapes'], ['float32', 'AMP bfloat16'], None, 5, 'cpu')
    ours, peer = '`einet_x71_cityscapes`', '`panoptic-deeplab_x71_cityscapes`'
    # Two images in a quarter of a second.
    assert _rows(capsys.readouterr().out) == [
        [ours, '1040 x 2064', '2', 'float32', 'out of memory', '', ''],
        [ours, '1040 x 2064', '2', 'AMP bfloat16', '250.0 ms', '8.0', '3.00 GiB'],
        [peer, '1040 x 2064', '2', 'float32', '250.0 ms', '8.0', '3.00 GiB'],
        [peer, '1040 x 2064', '2', 'AMP bfloat16', 'out of memory', '', ''],
    ]
