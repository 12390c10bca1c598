"""What an examination came to, as data and as text."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

from stoker.doctor.findings import Finding

__all__ = ["Report"]

_WIDTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was looked at, and what was found.

    Attributes
    ----------
    findings
        Problems first, training before validation.
    batches, rows
        Looked at, training and validation together.
    seconds
        What the examination took.
    batch_seconds
        Mean time of a training batch, the first left out, None if there was none.
    step_seconds
        Time of a training step of the model on one, None where no model was there to measure.
    share
        The share of rows whose fingerprints were compared: below 1.0 in streams of more than `MAX_ROWS` rows.
    unknown
        What could not be known, a sentence each.

    Examples
    --------
    >>> print(Report(findings=(), batches=8, rows=256, seconds=0.012))
    looked at 8 batches, 256 rows in 0.0 s; nothing found
    """

    findings: tuple[Finding, ...]
    batches: int
    rows: int
    seconds: float
    batch_seconds: float | None = None
    step_seconds: float | None = None
    share: float = 1.0
    unknown: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that are problems."""
        return tuple(finding for finding in self.findings if finding.severity == "problem")

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "batches": self.batches,
            "rows": self.rows,
            "seconds": self.seconds,
            "batch_seconds": self.batch_seconds,
            "step_seconds": self.step_seconds,
            "share": self.share,
            "problems": len(self.problems),
            "findings": [finding.to_dict() for finding in self.findings],
            "unknown": list(self.unknown),
        }

    def __str__(self) -> str:
        lines = [f"looked at {self._amount()}; {self._verdict()}"]
        if self.batch_seconds is not None and self.findings:
            lines.append(self._speed())
        for finding in self.findings:
            lines += ["", *_paragraph(finding)]
        if self.unknown:
            lines += ["", *(f"unknown   {sentence}" for sentence in self.unknown)]
        return "\n".join(lines)

    def _amount(self) -> str:
        rows = f"{self.rows:,}".replace(",", " ")
        batches = f"{self.batches} batch{'' if self.batches == 1 else 'es'}"
        sampled = f" (one row in {round(1 / self.share)} compared)" if self.share < 1 else ""
        return f"{batches}, {rows} rows in {self.seconds:.1f} s{sampled}"

    def _verdict(self) -> str:
        problems = len(self.problems)
        remarks = len(self.findings) - problems
        if not self.findings:
            return "nothing found"
        counts = ((problems, "problem"), (remarks, "remark"))
        return (
            " and ".join(f"{count} {name}{'s' * (count > 1)}" for count, name in counts if count) + " found"
        )

    def _speed(self) -> str:
        batch = f"a batch takes {1e3 * (self.batch_seconds or 0.0):.3g} ms to make"
        return (
            batch if self.step_seconds is None else f"{batch}, {1e3 * self.step_seconds:.3g} ms to train on"
        )


def _paragraph(finding: Finding) -> list[str]:
    where = f" ({finding.place})" if finding.place is not None else ""
    texts = (
        (finding.severity, f"{finding.name} in {finding.stream}{where}: {finding.seen}"),
        ("effect", finding.effect),
        ("remedy", finding.remedy),
    )
    return [line for name, text in texts for line in _wrapped(name, text)]


def _wrapped(name: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"{name:<10}",
        subsequent_indent=" " * 10,
        break_long_words=False,
        break_on_hyphens=False,
    )
