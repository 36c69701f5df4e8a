"""The figures of a job in one dictionary: what `summary.json` says and `report.html` shows. Pure."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from actors.model.job import JobStatus
from actors.model.states import FINAL_STATES, OPEN_STATES, RowState


def summary(status: JobStatus, counts: dict[RowState, int], series: dict[str, Any], now: float) -> dict[str, Any]:
    """`counts`: the lines of the outcome files by state; they and the ledger's own must say the same."""
    record = status.record
    delivered = counts.get(RowState.DELIVERED, 0)
    addressed = record.rows - sum(counts.get(s, 0) for s in (RowState.SUPPRESSED, RowState.DUPLICATE, RowState.INVALID))
    span = (record.ended_at or now) - record.started_at if record.started_at else 0.0
    return {
        "job": record.job,
        "name": record.name,
        "state": str(record.state),
        "reason": record.reason,
        "rows": record.rows,
        "counts": {s.label: counts.get(s, 0) for s in RowState},
        "equation": equation(record.rows, counts),
        "balanced": sum(counts.values()) == record.rows and status.balanced,
        "settled": not any(counts.get(s) for s in OPEN_STATES),
        "attempts": status.attempts,
        "doubts": status.doubts,
        "rates": {
            "delivered_of_rows": _share(delivered, record.rows),
            "delivered_of_addressed": _share(delivered, addressed),
            "delivered_per_second": round(delivered / span, 3) if span > 0 else 0.0,
            "attempts_per_delivered": round(status.attempts / delivered, 3) if delivered else 0.0,
        },
        "times": {
            "created": iso(record.created_at, record.timezone),
            "started": iso(record.started_at, record.timezone),
            "ended": iso(record.ended_at, record.timezone),
            "seconds": round(span, 3),
            "written": iso(now, record.timezone),
        },
        "sites": series.get("sites", {}),
        "replies": series.get("replies", []),
        "doubt_rows": series.get("doubts", []),
    }


def equation(rows: int, counts: dict[RowState, int]) -> str:
    """`100 = 97 delivered + 3 bounced`: the balance in words that a person can check."""
    terms = [f"{counts[s]} {s.label}" for s in RowState if counts.get(s) and s in FINAL_STATES]
    terms += [f"{counts[s]} {s.label}" for s in RowState if counts.get(s) and s in OPEN_STATES]
    sign = "=" if rows == sum(counts.values()) else "≠"
    return f"{rows} {sign} {' + '.join(terms) or '0'}"


def iso(at: float, timezone: str) -> str:
    """ISO 8601 in the job's timezone; empty for a time that never was."""
    return datetime.fromtimestamp(at, ZoneInfo(timezone)).isoformat(timespec="seconds") if at else ""


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0
