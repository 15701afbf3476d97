"""Puts configs, tools and weights where `mim` looks for them; the rest is in setup.cfg."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
# Of use in a checkout only.
LEFT_OUT = shutil.ignore_patterns('__pycache__', 'setup', 'demo.sh')


class BuildWithMim(build_py):
    """Also copies configs, tools, weights and the demo's image into ``einet/.mim``."""

    def run(self) -> None:
        """Build the package, then add the copies; an editable installation gets none."""
        super().run()
        if self.editable_mode:
            return
        mim = Path(self.build_lib, 'einet', '.mim')
        for folder in ('configs', 'demo', 'tools', 'weights'):
            shutil.copytree(ROOT / folder, mim / folder, ignore=LEFT_OUT, dirs_exist_ok=True)
        shutil.copy(ROOT / 'model-index.yml', mim)


setup(cmdclass={'build_py': BuildWithMim})
