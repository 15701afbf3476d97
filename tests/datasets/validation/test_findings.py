import pytest

from einet.datasets.validation import KINDS, Finding, Severity

from .defects import DEFECTS


def test_unknown_kind():
    with pytest.raises(ValueError, match="'typo' is no kind of finding; these are: class-list"):
        Finding('typo', '')


def test_severity():
    assert Finding('png-missing', '').severity is Severity.ERROR
    assert Finding('all-void', '').severity is Severity.WARNING


def test_every_kind_has_a_planted_defect():
    # Planted in tests of their own: what the check does not know of, and 65535 segments.
    assert {defect.kind for defect in DEFECTS} | {'loader', 'too-many-segments'} == set(KINDS)


def test_exit_codes_follow_severities():
    for defect in DEFECTS:
        assert (KINDS[defect.kind].severity is Severity.ERROR) == (defect.exit_code == 1)
