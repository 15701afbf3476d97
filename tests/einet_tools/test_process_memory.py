import sys

from tests.commands import run_command

PROGRAM = """
from einet_tools.process_memory import memory
before = memory('VmHWM')
taken = bytearray(b'x') * (200 << 20)
peak, inside = memory('VmHWM'), memory('VmRSS')
del taken
print(peak - before, inside - memory('VmRSS'), memory('VmHWM') - peak)
"""


def test_a_process_that_takes_200_mebibytes_and_gives_them_back(tmp_path):
    taken, given, later = map(int, run_command(sys.executable, '-c', PROGRAM, cwd=tmp_path).split())
    assert all(190 << 20 < value < 220 << 20 for value in (taken, given))
    assert later < 10 << 20
