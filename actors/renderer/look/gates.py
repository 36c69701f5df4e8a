"""`content.gates` compared with a look at the whole list. Every gate that is set is told, passed or not."""

from collections.abc import Iterator
from dataclasses import dataclass

from actors.model.spec import GatesSpec
from actors.model.states import RowState
from actors.renderer.look.gather import Look


@dataclass(frozen=True, slots=True)
class Gate:
    """One threshold: `limit` as the bundle gives it, `found` as the list has it, both as text."""

    name: str
    limit: str
    found: str
    passed: bool


def gates_of(gates: GatesSpec, look: Look) -> list[Gate]:
    """The gates that are set. Shares are of the rows that were looked at."""
    return list(_gates(gates, look))


def _gates(gates: GatesSpec, look: Look) -> Iterator[Gate]:
    if gates.min_rows is not None:
        yield Gate("min_rows", f"{gates.min_rows:,}", f"{look.rows:,}", look.rows >= gates.min_rows)
    if gates.max_rows is not None:
        yield Gate("max_rows", f"{gates.max_rows:,}", f"{look.rows:,}", look.rows <= gates.max_rows)
    failed = sum(t.count for (state, _), t in look.failures.items() if state is RowState.RENDER_ERROR) + look.other_failures
    skipped = sum(t.count for (state, _), t in look.failures.items() if state is RowState.SKIPPED)
    for name, most, rows in (
        ("max_render_errors", gates.max_render_errors, failed),
        ("max_skipped", gates.max_skipped, skipped),
        ("max_blank_rows", gates.max_blank_rows, look.blank_rows.count),
    ):
        if most is not None:
            share = rows / look.rows if look.rows else 0.0
            yield Gate(name, _share(most), f"{_share(share)} ({rows:,} rows)", share <= most)
    if gates.max_size_kb is not None:
        size, row = look.sizes.most
        found = f"{size / 1024:.1f} (row {row})" if look.mails else "0"
        yield Gate("max_size_kb", f"{gates.max_size_kb:g}", found, size <= gates.max_size_kb * 1024)
    if gates.max_subject_chars is not None:
        longest = look.longest
        found = f"{longest.chars} (row {longest.row})" if longest else "0"
        yield Gate(
            "max_subject_chars", str(gates.max_subject_chars), found, not longest or longest.chars <= gates.max_subject_chars
        )
    if gates.require_unsubscribe:
        without = look.without_unsubscribe.count
        yield Gate("require_unsubscribe", "every mail", f"{without:,} mails without", not without)


def _share(value: float) -> str:
    return f"{value * 100:.4g}%"
