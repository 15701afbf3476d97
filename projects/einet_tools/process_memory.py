"""Memory of this process, for benchmarks and tests that run parts in processes (Linux)."""

from pathlib import Path


def memory(name: str) -> int:
    """VmRSS, or its peak VmHWM, of this process in bytes.

    Not ``ru_maxrss``, which starts at the peak of the process that started this one.
    """
    lines = Path('/proc/self/status').read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f'{name}:'))
    return int(line.split()[1]) * 1024
