"""A headless Chromium, driven through the pipe of its DevTools protocol: no driver is needed."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

NAMES = ('chromium', 'chromium-browser', 'google-chrome')
TIMEOUT = 60  # seconds; shared machines are slow now and then


class Browser:
    """One page of a Chromium without a network.

    Args:
        program: Chromium's path.
        profile: Folder for its profile.
        size: Width and height of the window.
    """

    def __init__(self, program: str, profile: Path, size: tuple[int, int] = (1300, 900)) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._count, self._buffer, self._session = 0, b'', None
        read_end, self._write = os.pipe()
        self._read, write_end = os.pipe()
        options = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']
        options += ['--no-first-run', f'--user-data-dir={profile}', '--remote-debugging-pipe']
        options += [f'--window-size={size[0]},{size[1]}']

        def name_pipes() -> None:  # Chromium reads from 3 and writes to 4
            spare = os.dup(read_end), os.dup(write_end)
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)

        self._process = subprocess.Popen(
            [program, *options, 'about:blank'],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=name_pipes,
        )
        os.close(read_end)
        os.close(write_end)
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        attached = self.call('Target.attachToTarget', targetId=target, flatten=True)
        self._session = attached['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network'):
            self.call(f'{domain}.enable')

    def call(self, method: str, **params: Any) -> Any:
        """Send a command and wait for its result."""
        self._count += 1
        message = dict(id=self._count, method=method, params=params)
        if self._session:
            message['sessionId'] = self._session
        os.write(self._write, json.dumps(message).encode() + b'\0')
        while (answer := self._receive()).get('id') != self._count:
            self._note(answer)
        assert 'error' not in answer, (method, answer)
        return answer['result']

    def open(self, path: Path) -> None:
        """Open a page from disk and wait until it is loaded."""
        self.call('Page.navigate', url=path.resolve().as_uri())
        self.wait('document.readyState === "complete"')

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.call(
            'Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True
        )
        assert 'exceptionDetails' not in answer, answer['exceptionDetails']
        return answer['result'].get('value')

    def wait(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + TIMEOUT
        while not self.evaluate(f'Boolean({expression})'):
            assert time.monotonic() < deadline, f'{expression} never became true'
            time.sleep(0.02)

    def point(self, selector: str, x: float = 0.5, y: float = 0.5, click: bool = False) -> None:
        """Move the pointer to a place of an element, given as shares of its size; perhaps click."""
        left, top = self.evaluate(
            f'(() => {{ const e = document.querySelector({json.dumps(selector)}); '
            f"e.scrollIntoView({{block: 'nearest'}}); const b = e.getBoundingClientRect(); "
            f'return [b.left + {x} * b.width, b.top + {y} * b.height]; }})()'
        )
        kinds = ['mouseMoved', *(['mousePressed', 'mouseReleased'] if click else [])]
        for kind in kinds:
            button = dict(button='left', clickCount=1) if kind != 'mouseMoved' else {}
            self.call('Input.dispatchMouseEvent', type=kind, x=left, y=top, **button)

    def press(self, key: str) -> None:
        """Press a key."""
        for kind in ('keyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key=key)

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a select element."""
        self.evaluate(
            f'(() => {{ const e = document.querySelector({json.dumps(selector)}); '
            f"e.value = {json.dumps(value)}; e.dispatchEvent(new Event('change')); }})()"
        )

    def screenshot(self, path: Path) -> None:
        """Write what the window shows to a PNG."""
        path.write_bytes(base64.b64decode(self.call('Page.captureScreenshot')['data']))

    def close(self) -> None:
        """End the program."""
        self._process.terminate()
        self._process.wait(timeout=TIMEOUT)
        os.close(self._read)
        os.close(self._write)

    def _receive(self) -> dict[str, Any]:
        while b'\0' not in self._buffer:
            assert select.select([self._read], [], [], TIMEOUT)[0], 'the browser does not answer'
            chunk = os.read(self._read, 1 << 20)
            assert chunk, 'the browser has ended'
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b'\0')
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        method, params = event.get('method'), event.get('params', {})
        if method == 'Network.requestWillBeSent':
            self.requests.append(params['request']['url'])
        elif method == 'Runtime.exceptionThrown':
            self.errors.append(str(params['exceptionDetails']))
        elif method == 'Log.entryAdded' and params['entry']['level'] == 'error':
            self.errors.append(str(params['entry']))
        elif method == 'Runtime.consoleAPICalled' and params['type'] in ('error', 'assert'):
            self.errors.append(str(params['args']))


def find_browser() -> str:
    """Chromium's path; the test is skipped when there is none."""
    for name in NAMES:
        if program := shutil.which(name):
            return program
    pytest.skip('no Chromium to look at the report with: apt-get install -y chromium')
