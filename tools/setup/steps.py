"""Run one step of the set-up: say what it does, show that it is alive, explain a failure."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

HEARTBEAT_SECONDS = 20
TAIL_LINES = 15

# What a log says -> the way out. The first that fits is shown.
WAYS_OUT = (
    ('No space left on device', 'Free disk space: the environment takes about 4 GB.'),
    (
        'Killed signal|Cannot allocate memory|MemoryError',
        'The compiler ran out of memory. Compile one file at a time: MAX_JOBS=1 make setup',
    ),
    ('Python.h: No such file', 'Install the headers: apt-get install python3-dev'),
    (
        'CUDA_HOME|nvcc|detected CUDA version',
        "mmcv's GPU operators do not compile with this CUDA toolkit. EINet does not need them: "
        'CUDA_VISIBLE_DEVICES= make setup',
    ),
    (
        'Connection|Timeout|Temporary failure|Name or service|No matching distribution'
        '|Could not fetch|SSLError|HTTPError|IncompleteRead',
        'pip did not reach, or did not find it in, its package index. Check the network and '
        '`pip config list`.',
    ),
)


class Failure(Exception):
    """A step that failed; the message holds the reason and the way out."""


def run_step(
    title: str,
    command: Sequence[str | Path],
    log: Path,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command to its end, with its output in a log and a line every 20 seconds.

    Args:
        title: What it does and about how long it takes.
        command: Program and arguments.
        log: Gets stdout and stderr; an older one is replaced.
        env: Changes to the environment of this process.

    Raises:
        Failure: The command could not be started or did not return 0.
    """
    print(f'==> {title}', flush=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with log.open('w') as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=pip_environment() | dict(env or {}),
            start_new_session=True,
        )
    try:
        status = _wait(process, log, started)
    except BaseException:
        _end(process)
        raise
    if status:
        raise Failure(explain(title.split(' (')[0], log, status))
    print(f'    done in {_minutes(time.monotonic() - started)}', flush=True)


def pip_environment() -> dict[str, str]:
    """This process's environment without what would let pip see, or write, outside `.venv`."""
    hidden = {'PYTHONPATH', 'PYTHONHOME', 'PIP_TARGET', 'PIP_PREFIX', 'PIP_USER'}
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return kept | {'PIP_NO_INPUT': '1', 'PIP_DISABLE_PIP_VERSION_CHECK': '1'}


def _end(process: subprocess.Popen) -> None:
    # The whole group, since the compilers are pip's grandchildren; as by Ctrl-C, so pip tidies up.
    for wish in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, wish)
            process.wait(timeout=10)


def _wait(process: subprocess.Popen, log: Path, started: float) -> int:
    while True:
        try:
            return process.wait(timeout=HEARTBEAT_SECONDS)
        except subprocess.TimeoutExpired:
            stands = last_progress(log.read_text(errors='replace'))
            print(f'    {_minutes(time.monotonic() - started)}: {stands}', flush=True)


def last_progress(text: str) -> str:
    """Where a step stands, by its log: files compiled, if ninja counts them, or the last line."""
    counts = re.findall(r'^\s*\[(\d+)/(\d+)\]', text, flags=re.MULTILINE)
    if counts:
        done, total = counts[-1]
        return f'{done} of {total} files compiled'
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:100] if lines else 'no output yet'


def explain(title: str, log: Path, status: int) -> str:
    """The end of a log, and the way out that fits it."""
    lines = log.read_text(errors='replace').splitlines()
    tail = '\n'.join(f'    | {line[:200]}' for line in lines[-TAIL_LINES:])
    # Not only the tail: other compilers talk on after one has failed.
    late = '\n'.join(lines[-200:])
    ways = [way for pattern, way in WAYS_OUT if re.search(pattern, late)]
    way = ways[0] if ways else f'The whole output is in {log}.'
    return f'Failed with status {status}: {title}\n{tail}\n{way}'


def _minutes(seconds: float) -> str:
    return f'{int(seconds) // 60}:{int(seconds) % 60:02d} min'
