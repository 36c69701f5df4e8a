"""Domain to proto and back; no other module knows both. No checks here but those without which no value can be made.

Times: seconds since the epoch on our side, 0 = not set; Timestamps on the wire, left out = not set.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hongyan.v1 import jobs_pb2, spec_pb2, suppressions_pb2

from actors.intake.looking import shut_gates
from actors.model.errors import InvalidInput, Problem
from actors.model.forecast import Forecast
from actors.model.job import Accepted, JobRecord, JobStatus
from actors.model.ports import RowStory
from actors.model.renderports import Preview
from actors.model.rowlines import RowLine
from actors.model.states import OnDoubt, RowState
from actors.renderer.look.page import page as report_page
from actors.renderer.look.previewpage import preview_page
from gateway.rpc.upload_index import FileState, FileWish

CONTROL_FILE = "job.json"
OTHER_CONTROL_FILES = ("job.yaml", "job.yml")


def timestamp(seconds: float) -> Timestamp | None:
    """None for a time that is not set: proto constructors take it as left out."""
    if not seconds:
        return None
    whole = math.floor(seconds)
    return Timestamp(seconds=whole, nanos=min(999_999_999, round((seconds - whole) * 1e9)))


def counts(by_label: Mapping[str, int]) -> jobs_pb2.Counts:
    """Rows by state label."""
    return jobs_pb2.Counts(**by_label)


def job(status: JobStatus) -> jobs_pb2.Job:
    """A job with its counts."""
    found = _job(status.record, {s.label: n for s, n in status.counts.items()})
    found.attempts, found.doubts = status.attempts, status.doubts
    if status.at:
        found.at.CopyFrom(timestamp(status.at))
    return found


def accepted_job(accepted: Accepted) -> jobs_pb2.Job:
    """A job as intake has just made it."""
    return _job(accepted.record, accepted.counts)


def _job(record: JobRecord, by_label: Mapping[str, int]) -> jobs_pb2.Job:
    return jobs_pb2.Job(
        id=record.job,
        name=record.name,
        state=jobs_pb2.JobState.Value(f"JOB_STATE_{record.state.name}"),
        reason=record.reason,
        rows=record.rows,
        counts=counts(by_label),
        pool=record.pool,
        idempotency_key=record.idempotency_key,
        created_at=timestamp(record.created_at),
        start_at=timestamp(record.start_at),
        deadline_at=timestamp(record.deadline_at),
        started_at=timestamp(record.started_at),
        ended_at=timestamp(record.ended_at),
        results_to=record.results_to,
    )


def row_state(state: RowState) -> int:
    """Our number is the wire's less one: 0 means "not told" there."""
    return int(state) + 1


def row_states(values: Iterable[int]) -> tuple[RowState, ...]:
    """The filter of Outcomes; InvalidInput for a value that names no state."""
    try:
        return tuple(RowState(v - 1) for v in values)
    except ValueError:
        raise InvalidInput((Problem("request", "holds a value that names no row state", column="states"),)) from None


def outcome(line: RowLine) -> jobs_pb2.Outcome:
    """One row's last outcome."""
    return jobs_pb2.Outcome(
        row=line.row,
        state=row_state(line.state),
        attempts=line.attempts,
        stage=line.stage,
        blame=line.blame,
        code=line.code,
        enhanced=line.enhanced,
        reply=line.reply,
        site=line.site,
        host=line.host,
        egress=line.egress,
        first_at=timestamp(line.first_at),
        last_at=timestamp(line.last_at),
        in_doubt=line.in_doubt,
        reason=line.reason,
        tls=line.tls,
    )


def story(found: RowStory) -> jobs_pb2.WhyResponse:
    """All that is known of one row."""
    return jobs_pb2.WhyResponse(
        outcome=outcome(found.line),
        earlier=[jobs_pb2.Attempt(**{**entry, "at": timestamp(entry["at"])}) for entry in found.deferrals],
        doubts=[_doubt(entry) for entry in found.doubts],
        next_at=timestamp(found.next_at),
        avoid=found.avoid,
    )


def _doubt(entry: dict[str, Any]) -> jobs_pb2.Doubt:
    return jobs_pb2.Doubt(
        opened_at=timestamp(entry["opened_at"]),
        at=timestamp(entry["at"]),
        egress=entry["egress"],
        attempt=entry["attempt"],
        cause=entry["cause"],
        became=row_state(RowState[entry["became"].upper()]),
    )


def decision(value: int) -> OnDoubt:
    """What a person wants done with rows in doubt."""
    known = {spec_pb2.ON_DOUBT_RESEND: OnDoubt.RESEND, spec_pb2.ON_DOUBT_SKIP: OnDoubt.SKIP}
    if value not in known:
        raise InvalidInput((Problem("request", "must be ON_DOUBT_RESEND or ON_DOUBT_SKIP", column="decision"),))
    return known[value]


def checked(found: Accepted, *, page: bool = False, forecast: Forecast | None = None) -> jobs_pb2.CheckResponse:
    """What a check found; `page`: the report also as HTML."""
    reply = jobs_pb2.CheckResponse(rows=found.record.rows, counts=counts(found.counts), warnings=found.warnings)
    if forecast is not None:
        reply.forecast.CopyFrom(_forecast(forecast))
    if found.report is not None:
        reply.report = json.dumps({k: v for k, v in found.report.items() if k != "embedded"}, ensure_ascii=False)
        reply.page = report_page(found.report) if page else ""
        reply.shut_gates.extend(problem(p) for p in shut_gates(found.report))
    return reply


def _forecast(found: Forecast) -> jobs_pb2.Forecast:
    return jobs_pb2.Forecast(
        starts_at=timestamp(found.starts_at),
        through_at=timestamp(found.through_at),
        deadline_at=timestamp(found.deadline_at),
        late=found.late,
        sites=[
            jobs_pb2.SiteForecast(
                site=site.site,
                rows=site.rows,
                speed=site.speed,
                through_at=timestamp(site.through_at),
                late=site.late,
                learned=site.learned,
                lanes=site.lanes,
                why=site.why,
            )
            for site in found.sites
        ],
    )


def preview(shown: Preview, *, page: bool = False) -> jobs_pb2.PreviewResponse:
    """One row as it would be sent."""
    return jobs_pb2.PreviewResponse(
        row=shown.row,
        state=row_state(shown.state),
        reason=shown.reason,
        message=shown.message,
        subject=shown.subject,
        html=shown.html,
        text=shown.text,
        values=shown.values,
        page=preview_page(shown) if page else "",
        return_path=shown.return_path,
        dsn=shown.dsn,
    )


def problem(found: Problem) -> jobs_pb2.Problem:
    """One thing to mend."""
    return jobs_pb2.Problem(file=found.file, line=found.line, column=found.column, message=found.message)


def file_wish(header: jobs_pb2.UploadHeader, upload: str) -> FileWish:
    """What an upload stream is about."""
    size = header.size if header.HasField("size") else None
    return FileWish(upload, header.path, header.offset, size, header.sha256)


def uploaded_file(state: FileState) -> jobs_pb2.UploadedFile:
    """How far one file is."""
    return jobs_pb2.UploadedFile(path=state.path, committed_size=state.committed, complete=state.complete)


def suppression(found: tuple[str, str, str, float]) -> suppressions_pb2.Suppression:
    """(address, scope, reason, since)."""
    address, scope, reason, since = found
    return suppressions_pb2.Suppression(address=address, scope=scope, reason=reason, since=timestamp(since))


def control_file(spec: spec_pb2.JobSpec) -> bytes:
    """The spec as job.json. What was left out stays out, so that intake's defaults apply as for a file."""
    return json.dumps(_plain(spec), ensure_ascii=False, indent=1).encode()


def _plain(message: Message) -> Any:
    if isinstance(message, Duration):
        return f"{message.ToMilliseconds() / 1000:.15g}s"
    if isinstance(message, spec_pb2.Scopes):
        return list(message.names)
    return {field.name: _value(field, value) for field, value in message.ListFields()}


def _value(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {key: _plain(v) if isinstance(v, Message) else v for key, v in value.items()}
    if field.is_repeated:
        return [_plain(v) if isinstance(v, Message) else v for v in value]
    if isinstance(value, Message):
        return _plain(value)
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name.removeprefix("ON_DOUBT_").lower()
    return value
