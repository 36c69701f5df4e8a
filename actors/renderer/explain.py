"""How each slot of a job's templates is worked out, by the part of the mail that it stands in. Reads compiled plans only."""

from collections.abc import Callable, Iterator

import pyarrow as pa

from actors.model.job import RowArray
from actors.model.rendersettings import TimeLimit
from actors.renderer.attached import RowAttachment
from actors.renderer.job import PREHEADER, CompiledJob
from actors.renderer.shown import Slot
from actors.renderer.template import Plan, SlotReport
from actors.renderer.template.timelimit import Spent
from actors.renderer.template.timing import Timing

Sample = tuple[pa.Table | pa.RecordBatch, RowArray]  # rows of the list and their numbers in the job


def explain_job(
    job: CompiledJob,
    sample: Sample | None = None,
    clock: Callable[[], float] | None = None,
    limit: TimeLimit | None = None,
) -> list[Slot]:
    """All slots, part by part in the order of a mail, each part in the order of its template. With a clock each is measured on
    the sample, in this call, within the time limit of a call."""
    spent = Spent.of(limit, len(sample[1])) if limit and sample else None
    slots = [slot for part, plan in _plans(job) for slot in _slots(part, plan, _measured(plan, sample, clock, spent))]
    order = {part: n for n, part in reversed(list(enumerate(slot.part for slot in slots)))}
    return sorted(slots, key=lambda slot: order[slot.part])


def _plans(job: CompiledJob) -> Iterator[tuple[str, Plan]]:
    yield "subject", job.subject
    if job.unsubscribe:
        yield "header List-Unsubscribe", job.unsubscribe
    for name, plan in job.headers:
        yield f"header {name}", plan
    for text in job.texts:
        yield "html" if text.subtype == "html" else "text", text.plan
    for number, attachment in enumerate(job.attachments, 1):
        if isinstance(attachment, RowAttachment):
            made = attachment.made.plan if attachment.made else None
            for word, each in (("file", attachment.file or made), ("name", attachment.name), ("password", attachment.password)):
                if each:
                    yield f"attachment {number} {word}", each


def _measured(plan: Plan, sample: Sample | None, clock: Callable[[], float] | None, spent: Spent | None) -> Timing | None:
    if sample is None or clock is None:
        return None
    table, rows = sample
    plan.run(table, rows, spent=spent)  # what is made once is made now
    timing = Timing(clock)
    plan.run(table, rows, timing, spent)
    return timing


def _slots(part: str, plan: Plan, timing: Timing | None) -> Iterator[Slot]:
    for number, report in enumerate(plan.explain()):
        in_part = "preheader" if report.file == PREHEADER else part
        yield Slot(
            in_part, report.file, report.line, report.source, report.mode, report.reason, *_figures(report, number, timing)
        )


def _figures(report: SlotReport, number: int, timing: Timing | None) -> tuple[str, str, int]:
    """Type, kernel, rate."""
    kernel = report.kernel or ("Jinja2" if report.mode == "row by row" else "joined pieces")
    return ("", kernel, 0) if timing is None else (timing.types.get(number, "text"), kernel, timing.rate(number))
