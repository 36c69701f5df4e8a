import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OnDoubt(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ON_DOUBT_UNSPECIFIED: _ClassVar[OnDoubt]
    ON_DOUBT_RESEND: _ClassVar[OnDoubt]
    ON_DOUBT_SKIP: _ClassVar[OnDoubt]
    ON_DOUBT_HOLD: _ClassVar[OnDoubt]
    ON_DOUBT_EXPIRE: _ClassVar[OnDoubt]
ON_DOUBT_UNSPECIFIED: OnDoubt
ON_DOUBT_RESEND: OnDoubt
ON_DOUBT_SKIP: OnDoubt
ON_DOUBT_HOLD: OnDoubt
ON_DOUBT_EXPIRE: OnDoubt

class JobSpec(_message.Message):
    __slots__ = ("name", "sender", "content", "list", "schedule", "delivery", "results", "tables")
    class TablesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: TableSpec
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[TableSpec, _Mapping]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    TABLES_FIELD_NUMBER: _ClassVar[int]
    name: str
    sender: SenderSpec
    content: ContentSpec
    list: ListSpec
    schedule: ScheduleSpec
    delivery: DeliverySpec
    results: ResultsSpec
    tables: _containers.MessageMap[str, TableSpec]
    def __init__(self, name: _Optional[str] = ..., sender: _Optional[_Union[SenderSpec, _Mapping]] = ..., content: _Optional[_Union[ContentSpec, _Mapping]] = ..., list: _Optional[_Union[ListSpec, _Mapping]] = ..., schedule: _Optional[_Union[ScheduleSpec, _Mapping]] = ..., delivery: _Optional[_Union[DeliverySpec, _Mapping]] = ..., results: _Optional[_Union[ResultsSpec, _Mapping]] = ..., tables: _Optional[_Mapping[str, TableSpec]] = ...) -> None: ...

class TableSpec(_message.Message):
    __slots__ = ("key", "columns", "encoding", "delimiter", "sheet")
    class ColumnsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KEY_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    DELIMITER_FIELD_NUMBER: _ClassVar[int]
    SHEET_FIELD_NUMBER: _ClassVar[int]
    key: str
    columns: _containers.ScalarMap[str, str]
    encoding: str
    delimiter: str
    sheet: str
    def __init__(self, key: _Optional[str] = ..., columns: _Optional[_Mapping[str, str]] = ..., encoding: _Optional[str] = ..., delimiter: _Optional[str] = ..., sheet: _Optional[str] = ...) -> None: ...

class SenderSpec(_message.Message):
    __slots__ = ("reply_to", "return_path", "verp")
    FROM_FIELD_NUMBER: _ClassVar[int]
    REPLY_TO_FIELD_NUMBER: _ClassVar[int]
    RETURN_PATH_FIELD_NUMBER: _ClassVar[int]
    VERP_FIELD_NUMBER: _ClassVar[int]
    reply_to: str
    return_path: str
    verp: bool
    def __init__(self, reply_to: _Optional[str] = ..., return_path: _Optional[str] = ..., verp: _Optional[bool] = ..., **kwargs) -> None: ...

class AttachmentSpec(_message.Message):
    __slots__ = ("file", "name", "template", "password")
    FILE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    file: str
    name: str
    template: str
    password: str
    def __init__(self, file: _Optional[str] = ..., name: _Optional[str] = ..., template: _Optional[str] = ..., password: _Optional[str] = ...) -> None: ...

class GatesSpec(_message.Message):
    __slots__ = ("min_rows", "max_rows", "max_render_errors", "max_skipped", "max_blank_rows", "max_size_kb", "max_subject_chars", "require_unsubscribe")
    MIN_ROWS_FIELD_NUMBER: _ClassVar[int]
    MAX_ROWS_FIELD_NUMBER: _ClassVar[int]
    MAX_RENDER_ERRORS_FIELD_NUMBER: _ClassVar[int]
    MAX_SKIPPED_FIELD_NUMBER: _ClassVar[int]
    MAX_BLANK_ROWS_FIELD_NUMBER: _ClassVar[int]
    MAX_SIZE_KB_FIELD_NUMBER: _ClassVar[int]
    MAX_SUBJECT_CHARS_FIELD_NUMBER: _ClassVar[int]
    REQUIRE_UNSUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    min_rows: int
    max_rows: int
    max_render_errors: float
    max_skipped: float
    max_blank_rows: float
    max_size_kb: float
    max_subject_chars: int
    require_unsubscribe: bool
    def __init__(self, min_rows: _Optional[int] = ..., max_rows: _Optional[int] = ..., max_render_errors: _Optional[float] = ..., max_skipped: _Optional[float] = ..., max_blank_rows: _Optional[float] = ..., max_size_kb: _Optional[float] = ..., max_subject_chars: _Optional[int] = ..., require_unsubscribe: _Optional[bool] = ...) -> None: ...

class ContentSpec(_message.Message):
    __slots__ = ("subject", "html", "text", "preheader", "headers", "attachments", "unsubscribe", "one_click", "max_render_errors", "locale", "as_of", "seed", "gates", "allow_private")
    class HeadersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    HTML_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PREHEADER_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENTS_FIELD_NUMBER: _ClassVar[int]
    UNSUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    ONE_CLICK_FIELD_NUMBER: _ClassVar[int]
    MAX_RENDER_ERRORS_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    GATES_FIELD_NUMBER: _ClassVar[int]
    ALLOW_PRIVATE_FIELD_NUMBER: _ClassVar[int]
    subject: str
    html: str
    text: str
    preheader: str
    headers: _containers.ScalarMap[str, str]
    attachments: _containers.RepeatedCompositeFieldContainer[AttachmentSpec]
    unsubscribe: str
    one_click: bool
    max_render_errors: float
    locale: str
    as_of: str
    seed: int
    gates: GatesSpec
    allow_private: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, subject: _Optional[str] = ..., html: _Optional[str] = ..., text: _Optional[str] = ..., preheader: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., attachments: _Optional[_Iterable[_Union[AttachmentSpec, _Mapping]]] = ..., unsubscribe: _Optional[str] = ..., one_click: _Optional[bool] = ..., max_render_errors: _Optional[float] = ..., locale: _Optional[str] = ..., as_of: _Optional[str] = ..., seed: _Optional[int] = ..., gates: _Optional[_Union[GatesSpec, _Mapping]] = ..., allow_private: _Optional[_Iterable[str]] = ...) -> None: ...

class Scopes(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class RulesSpec(_message.Message):
    __slots__ = ("dedupe", "suppress")
    DEDUPE_FIELD_NUMBER: _ClassVar[int]
    SUPPRESS_FIELD_NUMBER: _ClassVar[int]
    dedupe: str
    suppress: Scopes
    def __init__(self, dedupe: _Optional[str] = ..., suppress: _Optional[_Union[Scopes, _Mapping]] = ...) -> None: ...

class ListSpec(_message.Message):
    __slots__ = ("file", "email", "columns", "encoding", "delimiter", "sheet", "rules", "private", "best")
    class ColumnsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    FILE_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    DELIMITER_FIELD_NUMBER: _ClassVar[int]
    SHEET_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    file: str
    email: str
    columns: _containers.ScalarMap[str, str]
    encoding: str
    delimiter: str
    sheet: str
    rules: RulesSpec
    private: _containers.RepeatedScalarFieldContainer[str]
    best: str
    def __init__(self, file: _Optional[str] = ..., email: _Optional[str] = ..., columns: _Optional[_Mapping[str, str]] = ..., encoding: _Optional[str] = ..., delimiter: _Optional[str] = ..., sheet: _Optional[str] = ..., rules: _Optional[_Union[RulesSpec, _Mapping]] = ..., private: _Optional[_Iterable[str]] = ..., best: _Optional[str] = ...) -> None: ...

class ScheduleSpec(_message.Message):
    __slots__ = ("start", "deadline", "pause", "timezone", "days")
    START_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    PAUSE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    start: str
    deadline: str
    pause: _containers.RepeatedScalarFieldContainer[str]
    timezone: str
    days: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, start: _Optional[str] = ..., deadline: _Optional[str] = ..., pause: _Optional[_Iterable[str]] = ..., timezone: _Optional[str] = ..., days: _Optional[_Iterable[str]] = ...) -> None: ...

class DsnSpec(_message.Message):
    __slots__ = ("notify", "ret")
    NOTIFY_FIELD_NUMBER: _ClassVar[int]
    RET_FIELD_NUMBER: _ClassVar[int]
    notify: _containers.RepeatedScalarFieldContainer[str]
    ret: str
    def __init__(self, notify: _Optional[_Iterable[str]] = ..., ret: _Optional[str] = ...) -> None: ...

class DeliverySpec(_message.Message):
    __slots__ = ("pool", "on_doubt", "retry_for", "rate", "priority", "dsn")
    POOL_FIELD_NUMBER: _ClassVar[int]
    ON_DOUBT_FIELD_NUMBER: _ClassVar[int]
    RETRY_FOR_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    DSN_FIELD_NUMBER: _ClassVar[int]
    pool: str
    on_doubt: OnDoubt
    retry_for: _duration_pb2.Duration
    rate: str
    priority: str
    dsn: DsnSpec
    def __init__(self, pool: _Optional[str] = ..., on_doubt: _Optional[_Union[OnDoubt, str]] = ..., retry_for: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., rate: _Optional[str] = ..., priority: _Optional[str] = ..., dsn: _Optional[_Union[DsnSpec, _Mapping]] = ...) -> None: ...

class ResultsSpec(_message.Message):
    __slots__ = ("to",)
    TO_FIELD_NUMBER: _ClassVar[int]
    to: str
    def __init__(self, to: _Optional[str] = ...) -> None: ...
