"""The report of a check: for people, and as JSON."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from terminaltables import AsciiTable

from ..rules import KINDS, Finding, Severity
from .check import SourceReport
from .statistics import class_rows, table_rows


def count_findings(found: Sequence[Finding], severity: Severity) -> int:
    """How many findings are errors, or warnings.

    Args:
        found: All findings.
        severity: Which ones to count.

    Returns:
        Their number.
    """
    return sum(finding.severity is severity for finding in found)


def text_report(found: Sequence[Finding], reports: Sequence[SourceReport], max_lines: int) -> str:
    """The report for people: errors, warnings, tables of classes, and a verdict.

    Args:
        found: All findings.
        reports: One per data set.
        max_lines: Findings of a kind that are listed; all when 0.

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
        found: All findings.
        reports: One per data set.

    Returns:
        ``errors`` and ``warnings`` (numbers), ``findings`` (one object each, with ``severity`` and
        the fields of :class:`.Finding`), ``kinds`` (titles and remedies of those that occur) and
        ``sources`` (counts by class).
    """
    occurring = {finding.kind for finding in found}
    return dict(
        errors=count_findings(found, Severity.ERROR),
        warnings=count_findings(found, Severity.WARNING),
        findings=[dict(severity=finding.severity, **asdict(finding)) for finding in found],
        kinds={name: kind._asdict() for name, kind in KINDS.items() if name in occurring},
        sources=[
            dict(
                splits=list(report.source.splits),
                ann_file=report.source.dataset.ann_file,
                images=len(report.results),
                pixels=report.num_pixels,
                classes=class_rows(report.counts, report.table),
            )
            for report in reports
        ],
    )


def _section(found: Sequence[Finding], severity: Severity, max_lines: int) -> list[str]:
    """All findings of a severity, grouped by kind in the order of :data:`KINDS`."""
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in found:
        if finding.severity is severity:
            groups[finding.kind].append(finding)
    number = sum(map(len, groups.values()))
    lines = [f'{severity.upper()}S: {number or "none"}', '']
    for name in (name for name in KINDS if name in groups):
        group = groups[name]
        shown = group[:max_lines] if max_lines else group
        lines.append(f'{severity} [{name}] {KINDS[name].title}: {len(group)} x')
        lines += [f'    {finding.line}' for finding in shown]
        if len(shown) < len(group):
            rest = len(group) - len(shown)
            lines.append(f'    ... and {rest} more (--report FILE.json lists all)')
        lines += [f'  -> {KINDS[name].remedy}', '']
    return lines


def _summary(report: SourceReport) -> list[str]:
    """Size of a data set and the table of its classes."""
    heading = f'{report.source.name}: {report.source.dataset.ann_file}'
    if report.content is None:
        return [f'{heading}: not checked any further', '']
    number = f'{len(report.results)} images'
    if not report.content.get('annotations'):
        return [f'{heading}: {number} without ground truth', '']
    classes = class_rows(report.counts, report.table)
    rows = table_rows(classes, report.num_pixels)
    table = AsciiTable(rows)
    table.justify_columns = dict.fromkeys(range(2, len(rows[0])), 'right')
    empty = sum(not row['images'] for row in classes)
    left_out = f'; classes without a segment, left out here: {empty}' if empty else ''
    return [f'{heading}: {number}{left_out}', table.table, '']
