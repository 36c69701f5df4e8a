import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LaneServiceListRequest(_message.Message):
    __slots__ = ("site", "egress")
    SITE_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    site: str
    egress: str
    def __init__(self, site: _Optional[str] = ..., egress: _Optional[str] = ...) -> None: ...

class LaneServiceListResponse(_message.Message):
    __slots__ = ("lanes",)
    LANES_FIELD_NUMBER: _ClassVar[int]
    lanes: _containers.RepeatedCompositeFieldContainer[Lane]
    def __init__(self, lanes: _Optional[_Iterable[_Union[Lane, _Mapping]]] = ...) -> None: ...

class Lane(_message.Message):
    __slots__ = ("egress", "site", "circuit", "concurrency", "rate", "messages_per_connection", "closed_until", "quota", "flow", "refused", "why", "last_reply", "at")
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    CIRCUIT_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_PER_CONNECTION_FIELD_NUMBER: _ClassVar[int]
    CLOSED_UNTIL_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    LAST_REPLY_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    egress: str
    site: str
    circuit: str
    concurrency: int
    rate: float
    messages_per_connection: int
    closed_until: _timestamp_pb2.Timestamp
    quota: int
    flow: float
    refused: float
    why: str
    last_reply: str
    at: _timestamp_pb2.Timestamp
    def __init__(self, egress: _Optional[str] = ..., site: _Optional[str] = ..., circuit: _Optional[str] = ..., concurrency: _Optional[int] = ..., rate: _Optional[float] = ..., messages_per_connection: _Optional[int] = ..., closed_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., quota: _Optional[int] = ..., flow: _Optional[float] = ..., refused: _Optional[float] = ..., why: _Optional[str] = ..., last_reply: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DecisionsRequest(_message.Message):
    __slots__ = ("site", "egress", "limit", "whole")
    SITE_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    site: str
    egress: str
    limit: int
    whole: bool
    def __init__(self, site: _Optional[str] = ..., egress: _Optional[str] = ..., limit: _Optional[int] = ..., whole: _Optional[bool] = ...) -> None: ...

class DecisionsResponse(_message.Message):
    __slots__ = ("decisions",)
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    decisions: _containers.RepeatedCompositeFieldContainer[Decision]
    def __init__(self, decisions: _Optional[_Iterable[_Union[Decision, _Mapping]]] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("at", "egress", "site", "rule", "why", "old", "new", "data")
    AT_FIELD_NUMBER: _ClassVar[int]
    EGRESS_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    OLD_FIELD_NUMBER: _ClassVar[int]
    NEW_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    egress: str
    site: str
    rule: str
    why: str
    old: Limits
    new: Limits
    data: str
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., egress: _Optional[str] = ..., site: _Optional[str] = ..., rule: _Optional[str] = ..., why: _Optional[str] = ..., old: _Optional[_Union[Limits, _Mapping]] = ..., new: _Optional[_Union[Limits, _Mapping]] = ..., data: _Optional[str] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("concurrency", "rate", "closed_until", "probe")
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    CLOSED_UNTIL_FIELD_NUMBER: _ClassVar[int]
    PROBE_FIELD_NUMBER: _ClassVar[int]
    concurrency: int
    rate: float
    closed_until: _timestamp_pb2.Timestamp
    probe: int
    def __init__(self, concurrency: _Optional[int] = ..., rate: _Optional[float] = ..., closed_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., probe: _Optional[int] = ...) -> None: ...

class RepliesRequest(_message.Message):
    __slots__ = ("site",)
    SITE_FIELD_NUMBER: _ClassVar[int]
    site: str
    def __init__(self, site: _Optional[str] = ...) -> None: ...

class RepliesResponse(_message.Message):
    __slots__ = ("replies",)
    REPLIES_FIELD_NUMBER: _ClassVar[int]
    replies: _containers.RepeatedCompositeFieldContainer[UnknownReply]
    def __init__(self, replies: _Optional[_Iterable[_Union[UnknownReply, _Mapping]]] = ...) -> None: ...

class UnknownReply(_message.Message):
    __slots__ = ("site", "code", "enhanced", "words", "count", "egresses", "jobs", "blame", "of", "confidence", "why", "seen")
    SITE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    ENHANCED_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    EGRESSES_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    BLAME_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    site: str
    code: int
    enhanced: str
    words: str
    count: int
    egresses: _containers.RepeatedScalarFieldContainer[str]
    jobs: int
    blame: str
    of: str
    confidence: float
    why: str
    seen: _timestamp_pb2.Timestamp
    def __init__(self, site: _Optional[str] = ..., code: _Optional[int] = ..., enhanced: _Optional[str] = ..., words: _Optional[str] = ..., count: _Optional[int] = ..., egresses: _Optional[_Iterable[str]] = ..., jobs: _Optional[int] = ..., blame: _Optional[str] = ..., of: _Optional[str] = ..., confidence: _Optional[float] = ..., why: _Optional[str] = ..., seen: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
