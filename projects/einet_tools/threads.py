"""How the threads of a process wait for each other."""

import os


def share_cores() -> None:
    """Let threads that wait give up their core, unless the user's environment says otherwise.

    libgomp, the OpenMP of torch's CPU build, lets them spin. Beside another busy process they then
    keep the core from the very thread that they wait for, and a step takes several times as long.

    To be called before torch is imported: libgomp reads the environment when it is loaded.
    """
    os.environ.setdefault('OMP_WAIT_POLICY', 'passive')
