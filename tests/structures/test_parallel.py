import os
import signal

import pytest

from einet.structures.parallel import run_parallel


def square(value):
    return value * value


def process_of(value):
    return os.getpid()


def kill_itself(value):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize('workers', [1, 2])
def test_results_come_in_order(workers):
    assert list(run_parallel(square, range(9), workers)) == [i * i for i in range(9)]


def test_one_worker_is_this_process():
    assert set(run_parallel(process_of, range(3), 1)) == {os.getpid()}
    assert os.getpid() not in set(run_parallel(process_of, range(3), 2))


def test_a_killed_process():
    with pytest.raises(RuntimeError, match='a process was killed.*fewer --workers'):
        list(run_parallel(kill_itself, range(3), 2))
