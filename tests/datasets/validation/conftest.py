"""The small set as a fixture."""

import pytest

from .small_set import SmallSet


@pytest.fixture
def small(tmp_path) -> SmallSet:
    """A valid set; spoil it, then :meth:`SmallSet.save` it."""
    return SmallSet(tmp_path)
