import os

from einet_tools.cores import allowed_cores


def test_cores_of_an_affinity(monkeypatch):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: {7, 3}, raising=False)
    assert allowed_cores() == [3, 7]


def test_all_cores_where_there_is_no_affinity(monkeypatch):
    monkeypatch.delattr(os, 'sched_getaffinity', raising=False)
    monkeypatch.setattr(os, 'cpu_count', lambda: 3)
    assert allowed_cores() == [0, 1, 2]
    monkeypatch.setattr(os, 'cpu_count', lambda: None)
    assert allowed_cores() == [0]
