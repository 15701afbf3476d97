"""The report of a check: for people, and as JSON."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from terminaltables import AsciiTable

from .check import SourceReport
from .findings import KINDS, Finding, Severity
from .statistics import COLUMNS, table_rows

_IDS_SHOWN = 5


def count_findings(found: Sequence[Finding], severity: Severity) -> int:
    """How many findings are errors, or warnings.

    Args:
        found: all findings.
        severity: which ones.

    Returns:
        Their number.
    """
    return sum(finding.severity is severity for finding in found)


def text_report(found: Sequence[Finding], reports: Sequence[SourceReport], max_lines: int) -> str:
    """The report for people: errors, warnings, tables of classes, and a verdict.

    Args:
        found: all findings.
        reports: one per data set.
        max_lines: findings of a kind that are listed; all when 0.

    Returns:
        Lines of text.
    """
    lines: list[str] = []
    for severity in Severity:
        lines += _section(found, severity, max_lines)
    for report in reports:
        lines += _summary(report)
    errors, warnings = (count_findings(found, severity) for severity in Severity)
    lines.append(f'{errors} errors, {warnings} warnings.')
    lines.append('Correct the errors before training.' if errors else 'No errors: ready to train.')
    return '\n'.join(lines)


def json_report(found: Sequence[Finding], reports: Sequence[SourceReport]) -> dict[str, Any]:
    """The report for programs, with all findings.

    Args:
        found: all findings.
        reports: one per data set.

    Returns:
        ``errors`` and ``warnings`` (numbers), ``findings`` (one object each, with ``severity`` and
        the fields of :class:`.Finding`), ``kinds`` (titles and remedies of those that occur) and
        ``sources`` (counts by class).
    """
    names = [kind for kind in KINDS if any(finding.kind == kind for finding in found)]
    return dict(
        errors=count_findings(found, Severity.ERROR),
        warnings=count_findings(found, Severity.WARNING),
        findings=[dict(severity=finding.severity, **asdict(finding)) for finding in found],
        kinds={name: KINDS[name]._asdict() for name in names},
        sources=[_source_object(report) for report in reports],
    )


def _section(found: Sequence[Finding], severity: Severity, max_lines: int) -> list[str]:
    """All findings of a severity, grouped by kind in the order of :data:`KINDS`."""
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in found:
        if finding.severity is severity:
            groups[finding.kind].append(finding)
    number = sum(map(len, groups.values()))
    lines = [f'{severity.upper()}S: {number or "none"}', '']
    for kind in (name for name in KINDS if name in groups):
        group = groups[kind]
        shown = group[:max_lines] if max_lines else group
        lines.append(f'{severity} [{kind}] {KINDS[kind].title}: {len(group)} x')
        lines += [f'    {_line(finding)}' for finding in shown]
        if len(shown) < len(group):
            rest = len(group) - len(shown)
            lines.append(f'    ... and {rest} more (--report FILE.json lists all)')
        lines += [f'  -> {KINDS[kind].remedy}', '']
    return lines


def _line(finding: Finding) -> str:
    """Where: what."""
    where = [part for part in (finding.split, finding.file) if part]
    if finding.image_id is not None:
        where.append(f'image {finding.image_id}')
    if finding.segment_ids:
        shown = ', '.join(map(str, finding.segment_ids[:_IDS_SHOWN]))
        more = ', ...' if len(finding.segment_ids) > _IDS_SHOWN else ''
        where.append(f'segment {shown}{more}')
    return f'{", ".join(where)}: {finding.message}' if where else finding.message


def _summary(report: SourceReport) -> list[str]:
    """Size of a data set and the table of its classes."""
    source = report.source
    heading = f'{source.name}: {source.dataset.ann_file}'
    if report.content is None:
        return [f'{heading}: not checked any further', '']
    number = f'{len(report.images)} images'
    if not report.content.get('annotations'):
        return [f'{heading}: {number} without ground truth', '']
    rows = table_rows(report.counts, report.table, report.num_pixels)
    table = AsciiTable([list(row) for row in rows])
    table.justify_columns = dict.fromkeys(range(2, len(rows[0])), 'right')
    empty = int((report.counts[:, 0] == 0).sum())
    left_out = f'; classes without a segment, left out here: {empty}' if empty else ''
    return [f'{heading}: {number}{left_out}', table.table, '']


def _source_object(report: SourceReport) -> dict[str, Any]:
    return dict(
        splits=list(report.source.splits),
        ann_file=report.source.dataset.ann_file,
        images=len(report.images),
        pixels=report.num_pixels,
        classes=list(_class_objects(report)),
    )


def _class_objects(report: SourceReport) -> Iterator[dict[str, Any]]:
    for info, row in zip(report.table.classes, report.counts.tolist(), strict=True):
        yield dict(info._asdict(), **dict(zip(COLUMNS, row, strict=True)))
