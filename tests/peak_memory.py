"""The memory of a program that a test starts, for that program to read."""

from pathlib import Path


def peak_memory() -> int:
    """Peak of resident memory of this process in bytes (Linux).

    Not ``ru_maxrss``, which starts at the peak of the process that started this one.
    """
    lines = Path('/proc/self/status').read_text().splitlines()
    (line,) = (line for line in lines if line.startswith('VmHWM:'))
    return int(line.split()[1]) * 1024
