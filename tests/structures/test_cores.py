import multiprocessing
import time

import pytest

from einet.structures.cores import CoreUsage, core_usage, usable_cores
from einet_tools.cores import allowed_cores


def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_what_this_process_and_its_children_do_is_their_own():
    before = core_usage()
    child = multiprocessing.get_context('spawn').Process(target=spin, args=(0.3,))
    child.start()
    spin(0.4)
    child.join()
    after = core_usage()
    assert after.own - before.own >= 0.7
    assert after.time > before.time


def test_a_running_child_counts():
    child = multiprocessing.get_context('spawn').Process(target=spin, args=(60,))
    child.start()
    try:
        before = core_usage()
        while (after := core_usage()).own - before.own < 0.3:
            assert after.time - before.time < 60
    finally:
        child.kill()
        child.join()


def test_cores_that_are_not_listed_seem_idle(monkeypatch):
    monkeypatch.setattr('einet.structures.cores.allowed_cores', lambda: [100_000])
    assert core_usage().busy == 0


@pytest.mark.parametrize(('busy', 'own', 'others'), [(7.0, 4.0, 0.75), (4.0, 4.0, 0), (3.9, 4, 0)])
def test_others_take_what_is_not_our_own(busy, own, others):
    before, after = CoreUsage(2.0, 100.0, 10.0), CoreUsage(6.0, 100.0 + busy, 10.0 + own)
    assert usable_cores(before, after) == pytest.approx(len(allowed_cores()) - others)
