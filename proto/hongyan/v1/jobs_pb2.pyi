import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from hongyan.v1 import spec_pb2 as _spec_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_STATE_UNSPECIFIED: _ClassVar[JobState]
    JOB_STATE_ACCEPTING: _ClassVar[JobState]
    JOB_STATE_SCHEDULED: _ClassVar[JobState]
    JOB_STATE_RUNNING: _ClassVar[JobState]
    JOB_STATE_PAUSED: _ClassVar[JobState]
    JOB_STATE_STALLED: _ClassVar[JobState]
    JOB_STATE_DONE: _ClassVar[JobState]
    JOB_STATE_CANCELLED: _ClassVar[JobState]
    JOB_STATE_REFUSED: _ClassVar[JobState]

class RowState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROW_STATE_UNSPECIFIED: _ClassVar[RowState]
    ROW_STATE_PENDING: _ClassVar[RowState]
    ROW_STATE_DEFERRED: _ClassVar[RowState]
    ROW_STATE_TRANSMITTING: _ClassVar[RowState]
    ROW_STATE_DELIVERED: _ClassVar[RowState]
    ROW_STATE_BOUNCED: _ClassVar[RowState]
    ROW_STATE_SUPPRESSED: _ClassVar[RowState]
    ROW_STATE_DUPLICATE: _ClassVar[RowState]
    ROW_STATE_INVALID: _ClassVar[RowState]
    ROW_STATE_SKIPPED: _ClassVar[RowState]
    ROW_STATE_RENDER_ERROR: _ClassVar[RowState]
    ROW_STATE_EXPIRED: _ClassVar[RowState]
    ROW_STATE_CANCELLED: _ClassVar[RowState]
    ROW_STATE_IN_DOUBT: _ClassVar[RowState]
JOB_STATE_UNSPECIFIED: JobState
JOB_STATE_ACCEPTING: JobState
JOB_STATE_SCHEDULED: JobState
JOB_STATE_RUNNING: JobState
JOB_STATE_PAUSED: JobState
JOB_STATE_STALLED: JobState
JOB_STATE_DONE: JobState
JOB_STATE_CANCELLED: JobState
JOB_STATE_REFUSED: JobState
ROW_STATE_UNSPECIFIED: RowState
ROW_STATE_PENDING: RowState
ROW_STATE_DEFERRED: RowState
ROW_STATE_TRANSMITTING: RowState
ROW_STATE_DELIVERED: RowState
ROW_STATE_BOUNCED: RowState
ROW_STATE_SUPPRESSED: RowState
ROW_STATE_DUPLICATE: RowState
ROW_STATE_INVALID: RowState
ROW_STATE_SKIPPED: RowState
ROW_STATE_RENDER_ERROR: RowState
ROW_STATE_EXPIRED: RowState
ROW_STATE_CANCELLED: RowState
ROW_STATE_IN_DOUBT: RowState

class Counts(_message.Message):
    __slots__ = ("pending", "deferred", "transmitting", "delivered", "bounced", "suppressed", "duplicate", "invalid", "skipped", "render_error", "expired", "cancelled", "in_doubt")
    PENDING_FIELD_NUMBER: _ClassVar[int]
    DEFERRED_FIELD_NUMBER: _ClassVar[int]
    TRANSMITTING_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    BOUNCED_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    INVALID_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    RENDER_ERROR_FIELD_NUMBER: _ClassVar[int]
    EXPIRED_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    IN_DOUBT_FIELD_NUMBER: _ClassVar[int]
    pending: int
    deferred: int
    transmitting: int
    delivered: int
    bounced: int
    suppressed: int
    duplicate: int
    invalid: int
    skipped: int
    render_error: int
    expired: int
    cancelled: int
    in_doubt: int
    def __init__(self, pending: _Optional[int] = ..., deferred: _Optional[int] = ..., transmitting: _Optional[int] = ..., delivered: _Optional[int] = ..., bounced: _Optional[int] = ..., suppressed: _Optional[int] = ..., duplicate: _Optional[int] = ..., invalid: _Optional[int] = ..., skipped: _Optional[int] = ..., render_error: _Optional[int] = ..., expired: _Optional[int] = ..., cancelled: _Optional[int] = ..., in_doubt: _Optional[int] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("id", "name", "state", "reason", "rows", "counts", "attempts", "doubts", "pool", "idempotency_key", "created_at", "start_at", "deadline_at", "started_at", "ended_at", "results_to", "at")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    DOUBTS_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    START_AT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    RESULTS_TO_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    state: JobState
    reason: str
    rows: int
    counts: Counts
    attempts: int
    doubts: int
    pool: str
    idempotency_key: str
    created_at: _timestamp_pb2.Timestamp
    start_at: _timestamp_pb2.Timestamp
    deadline_at: _timestamp_pb2.Timestamp
    started_at: _timestamp_pb2.Timestamp
    ended_at: _timestamp_pb2.Timestamp
    results_to: str
    at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., state: _Optional[_Union[JobState, str]] = ..., reason: _Optional[str] = ..., rows: _Optional[int] = ..., counts: _Optional[_Union[Counts, _Mapping]] = ..., attempts: _Optional[int] = ..., doubts: _Optional[int] = ..., pool: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deadline_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., results_to: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("file", "line", "column", "message")
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    file: str
    line: int
    column: str
    message: str
    def __init__(self, file: _Optional[str] = ..., line: _Optional[int] = ..., column: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class UploadHeader(_message.Message):
    __slots__ = ("upload_id", "path", "offset", "size", "sha256")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    path: str
    offset: int
    size: int
    sha256: str
    def __init__(self, upload_id: _Optional[str] = ..., path: _Optional[str] = ..., offset: _Optional[int] = ..., size: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class UploadRequest(_message.Message):
    __slots__ = ("header", "chunk", "end")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    header: UploadHeader
    chunk: bytes
    end: bool
    def __init__(self, header: _Optional[_Union[UploadHeader, _Mapping]] = ..., chunk: _Optional[bytes] = ..., end: _Optional[bool] = ...) -> None: ...

class UploadResponse(_message.Message):
    __slots__ = ("upload_id", "file")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    file: UploadedFile
    def __init__(self, upload_id: _Optional[str] = ..., file: _Optional[_Union[UploadedFile, _Mapping]] = ...) -> None: ...

class UploadedFile(_message.Message):
    __slots__ = ("path", "committed_size", "complete")
    PATH_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_SIZE_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    path: str
    committed_size: int
    complete: bool
    def __init__(self, path: _Optional[str] = ..., committed_size: _Optional[int] = ..., complete: _Optional[bool] = ...) -> None: ...

class QueryUploadRequest(_message.Message):
    __slots__ = ("upload_id",)
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    def __init__(self, upload_id: _Optional[str] = ...) -> None: ...

class QueryUploadResponse(_message.Message):
    __slots__ = ("files",)
    FILES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[UploadedFile]
    def __init__(self, files: _Optional[_Iterable[_Union[UploadedFile, _Mapping]]] = ...) -> None: ...

class CheckRequest(_message.Message):
    __slots__ = ("upload_id", "spec", "quick", "page", "forecast")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    QUICK_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    FORECAST_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    spec: _spec_pb2.JobSpec
    quick: bool
    page: bool
    forecast: bool
    def __init__(self, upload_id: _Optional[str] = ..., spec: _Optional[_Union[_spec_pb2.JobSpec, _Mapping]] = ..., quick: _Optional[bool] = ..., page: _Optional[bool] = ..., forecast: _Optional[bool] = ...) -> None: ...

class CheckResponse(_message.Message):
    __slots__ = ("problems", "rows", "counts", "warnings", "report", "page", "shut_gates", "forecast")
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    SHUT_GATES_FIELD_NUMBER: _ClassVar[int]
    FORECAST_FIELD_NUMBER: _ClassVar[int]
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    rows: int
    counts: Counts
    warnings: _containers.RepeatedScalarFieldContainer[str]
    report: str
    page: str
    shut_gates: _containers.RepeatedCompositeFieldContainer[Problem]
    forecast: Forecast
    def __init__(self, problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ..., rows: _Optional[int] = ..., counts: _Optional[_Union[Counts, _Mapping]] = ..., warnings: _Optional[_Iterable[str]] = ..., report: _Optional[str] = ..., page: _Optional[str] = ..., shut_gates: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ..., forecast: _Optional[_Union[Forecast, _Mapping]] = ...) -> None: ...

class WatchCheckRequest(_message.Message):
    __slots__ = ("upload_id",)
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    def __init__(self, upload_id: _Optional[str] = ...) -> None: ...

class WatchCheckResponse(_message.Message):
    __slots__ = ("looked_at", "rows")
    LOOKED_AT_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    looked_at: int
    rows: int
    def __init__(self, looked_at: _Optional[int] = ..., rows: _Optional[int] = ...) -> None: ...

class Forecast(_message.Message):
    __slots__ = ("starts_at", "through_at", "deadline_at", "late", "sites")
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    THROUGH_AT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_AT_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    SITES_FIELD_NUMBER: _ClassVar[int]
    starts_at: _timestamp_pb2.Timestamp
    through_at: _timestamp_pb2.Timestamp
    deadline_at: _timestamp_pb2.Timestamp
    late: int
    sites: _containers.RepeatedCompositeFieldContainer[SiteForecast]
    def __init__(self, starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., through_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., deadline_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., late: _Optional[int] = ..., sites: _Optional[_Iterable[_Union[SiteForecast, _Mapping]]] = ...) -> None: ...

class SiteForecast(_message.Message):
    __slots__ = ("site", "rows", "speed", "through_at", "late", "learned", "lanes", "why")
    SITE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SPEED_FIELD_NUMBER: _ClassVar[int]
    THROUGH_AT_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    LEARNED_FIELD_NUMBER: _ClassVar[int]
    LANES_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    site: str
    rows: int
    speed: float
    through_at: _timestamp_pb2.Timestamp
    late: int
    learned: int
    lanes: int
    why: str
    def __init__(self, site: _Optional[str] = ..., rows: _Optional[int] = ..., speed: _Optional[float] = ..., through_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., late: _Optional[int] = ..., learned: _Optional[int] = ..., lanes: _Optional[int] = ..., why: _Optional[str] = ...) -> None: ...

class SubmitRequest(_message.Message):
    __slots__ = ("upload_id", "idempotency_key", "spec")
    UPLOAD_ID_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    upload_id: str
    idempotency_key: str
    spec: _spec_pb2.JobSpec
    def __init__(self, upload_id: _Optional[str] = ..., idempotency_key: _Optional[str] = ..., spec: _Optional[_Union[_spec_pb2.JobSpec, _Mapping]] = ...) -> None: ...

class SubmitResponse(_message.Message):
    __slots__ = ("job", "warnings", "existing")
    JOB_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    EXISTING_FIELD_NUMBER: _ClassVar[int]
    job: Job
    warnings: _containers.RepeatedScalarFieldContainer[str]
    existing: bool
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ..., warnings: _Optional[_Iterable[str]] = ..., existing: _Optional[bool] = ...) -> None: ...

class GetRequest(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: str
    def __init__(self, job: _Optional[str] = ...) -> None: ...

class GetResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ("limit", "cursor")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    limit: int
    cursor: str
    def __init__(self, limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ("jobs", "cursor")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Job]
    cursor: str
    def __init__(self, jobs: _Optional[_Iterable[_Union[Job, _Mapping]]] = ..., cursor: _Optional[str] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: str
    def __init__(self, job: _Optional[str] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class PauseRequest(_message.Message):
    __slots__ = ("job", "reason")
    JOB_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    job: str
    reason: str
    def __init__(self, job: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class PauseResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class ResumeRequest(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: str
    def __init__(self, job: _Optional[str] = ...) -> None: ...

class ResumeResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class CancelRequest(_message.Message):
    __slots__ = ("job", "reason")
    JOB_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    job: str
    reason: str
    def __init__(self, job: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CancelResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class DecideRequest(_message.Message):
    __slots__ = ("job", "decision", "rows")
    JOB_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    job: str
    decision: _spec_pb2.OnDoubt
    rows: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, job: _Optional[str] = ..., decision: _Optional[_Union[_spec_pb2.OnDoubt, str]] = ..., rows: _Optional[_Iterable[int]] = ...) -> None: ...

class DecideResponse(_message.Message):
    __slots__ = ("job", "decided")
    JOB_FIELD_NUMBER: _ClassVar[int]
    DECIDED_FIELD_NUMBER: _ClassVar[int]
    job: Job
    decided: int
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ..., decided: _Optional[int] = ...) -> None: ...

class OutcomesRequest(_message.Message):
    __slots__ = ("job", "cursor", "states")
    JOB_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    job: str
    cursor: str
    states: _containers.RepeatedScalarFieldContainer[RowState]
    def __init__(self, job: _Optional[str] = ..., cursor: _Optional[str] = ..., states: _Optional[_Iterable[_Union[RowState, str]]] = ...) -> None: ...

class OutcomesResponse(_message.Message):
    __slots__ = ("outcomes", "cursor")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[Outcome]
    cursor: str
    def __init__(self, outcomes: _Optional[_Iterable[_Union[Outcome, _Mapping]]] = ..., cursor: _Optional[str] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("row", "state", "attempts", "stage", "blame", "code", "enhanced", "reply", "site", "host", "egress", "first_at", "last_at", "in_doubt", "reason", "tls")
    ROW_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    BLAME_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    ENHANCED_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    FIRST_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_AT_FIELD_NUMBER: _ClassVar[int]
    IN_DOUBT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TLS_FIELD_NUMBER: _ClassVar[int]
    row: int
    state: RowState
    attempts: int
    stage: str
    blame: str
    code: int
    enhanced: str
    reply: str
    site: str
    host: str
    egress: str
    first_at: _timestamp_pb2.Timestamp
    last_at: _timestamp_pb2.Timestamp
    in_doubt: int
    reason: str
    tls: str
    def __init__(self, row: _Optional[int] = ..., state: _Optional[_Union[RowState, str]] = ..., attempts: _Optional[int] = ..., stage: _Optional[str] = ..., blame: _Optional[str] = ..., code: _Optional[int] = ..., enhanced: _Optional[str] = ..., reply: _Optional[str] = ..., site: _Optional[str] = ..., host: _Optional[str] = ..., egress: _Optional[str] = ..., first_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., in_doubt: _Optional[int] = ..., reason: _Optional[str] = ..., tls: _Optional[str] = ...) -> None: ...

class WhyRequest(_message.Message):
    __slots__ = ("job", "row")
    JOB_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    job: str
    row: int
    def __init__(self, job: _Optional[str] = ..., row: _Optional[int] = ...) -> None: ...

class WhyResponse(_message.Message):
    __slots__ = ("outcome", "earlier", "doubts", "next_at", "avoid")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    EARLIER_FIELD_NUMBER: _ClassVar[int]
    DOUBTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_AT_FIELD_NUMBER: _ClassVar[int]
    AVOID_FIELD_NUMBER: _ClassVar[int]
    outcome: Outcome
    earlier: _containers.RepeatedCompositeFieldContainer[Attempt]
    doubts: _containers.RepeatedCompositeFieldContainer[Doubt]
    next_at: _timestamp_pb2.Timestamp
    avoid: str
    def __init__(self, outcome: _Optional[_Union[Outcome, _Mapping]] = ..., earlier: _Optional[_Iterable[_Union[Attempt, _Mapping]]] = ..., doubts: _Optional[_Iterable[_Union[Doubt, _Mapping]]] = ..., next_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., avoid: _Optional[str] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("at", "stage", "blame", "code", "enhanced", "reply", "site", "host", "egress", "reason", "tls")
    AT_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    BLAME_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    ENHANCED_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TLS_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    stage: str
    blame: str
    code: int
    enhanced: str
    reply: str
    site: str
    host: str
    egress: str
    reason: str
    tls: str
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., stage: _Optional[str] = ..., blame: _Optional[str] = ..., code: _Optional[int] = ..., enhanced: _Optional[str] = ..., reply: _Optional[str] = ..., site: _Optional[str] = ..., host: _Optional[str] = ..., egress: _Optional[str] = ..., reason: _Optional[str] = ..., tls: _Optional[str] = ...) -> None: ...

class Doubt(_message.Message):
    __slots__ = ("opened_at", "at", "egress", "attempt", "cause", "became")
    OPENED_AT_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    BECAME_FIELD_NUMBER: _ClassVar[int]
    opened_at: _timestamp_pb2.Timestamp
    at: _timestamp_pb2.Timestamp
    egress: str
    attempt: int
    cause: str
    became: RowState
    def __init__(self, opened_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., egress: _Optional[str] = ..., attempt: _Optional[int] = ..., cause: _Optional[str] = ..., became: _Optional[_Union[RowState, str]] = ...) -> None: ...

class PreviewRequest(_message.Message):
    __slots__ = ("job", "row", "stamp", "page")
    JOB_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    STAMP_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    job: str
    row: int
    stamp: _timestamp_pb2.Timestamp
    page: bool
    def __init__(self, job: _Optional[str] = ..., row: _Optional[int] = ..., stamp: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., page: _Optional[bool] = ...) -> None: ...

class PreviewResponse(_message.Message):
    __slots__ = ("row", "state", "reason", "message", "subject", "html", "text", "values", "page", "return_path", "dsn")
    class ValuesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ROW_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    HTML_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    RETURN_PATH_FIELD_NUMBER: _ClassVar[int]
    DSN_FIELD_NUMBER: _ClassVar[int]
    row: int
    state: RowState
    reason: str
    message: bytes
    subject: str
    html: str
    text: str
    values: _containers.ScalarMap[str, str]
    page: str
    return_path: str
    dsn: str
    def __init__(self, row: _Optional[int] = ..., state: _Optional[_Union[RowState, str]] = ..., reason: _Optional[str] = ..., message: _Optional[bytes] = ..., subject: _Optional[str] = ..., html: _Optional[str] = ..., text: _Optional[str] = ..., values: _Optional[_Mapping[str, str]] = ..., page: _Optional[str] = ..., return_path: _Optional[str] = ..., dsn: _Optional[str] = ...) -> None: ...
