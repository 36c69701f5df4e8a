import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Suppression(_message.Message):
    __slots__ = ("address", "scope", "reason", "since")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    address: str
    scope: str
    reason: str
    since: _timestamp_pb2.Timestamp
    def __init__(self, address: _Optional[str] = ..., scope: _Optional[str] = ..., reason: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SuppressionServiceAddRequest(_message.Message):
    __slots__ = ("scope", "addresses", "reason")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    scope: str
    addresses: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    def __init__(self, scope: _Optional[str] = ..., addresses: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ...) -> None: ...

class SuppressionServiceAddResponse(_message.Message):
    __slots__ = ("added",)
    ADDED_FIELD_NUMBER: _ClassVar[int]
    added: int
    def __init__(self, added: _Optional[int] = ...) -> None: ...

class SuppressionServiceRemoveRequest(_message.Message):
    __slots__ = ("scope", "addresses")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    scope: str
    addresses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, scope: _Optional[str] = ..., addresses: _Optional[_Iterable[str]] = ...) -> None: ...

class SuppressionServiceRemoveResponse(_message.Message):
    __slots__ = ("removed",)
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    removed: int
    def __init__(self, removed: _Optional[int] = ...) -> None: ...

class ImportHeader(_message.Message):
    __slots__ = ("scope", "reason")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    scope: str
    reason: str
    def __init__(self, scope: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class AddressBatch(_message.Message):
    __slots__ = ("addresses",)
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    addresses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, addresses: _Optional[_Iterable[str]] = ...) -> None: ...

class SuppressionServiceImportRequest(_message.Message):
    __slots__ = ("header", "batch", "end")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    header: ImportHeader
    batch: AddressBatch
    end: bool
    def __init__(self, header: _Optional[_Union[ImportHeader, _Mapping]] = ..., batch: _Optional[_Union[AddressBatch, _Mapping]] = ..., end: _Optional[bool] = ...) -> None: ...

class SuppressionServiceImportResponse(_message.Message):
    __slots__ = ("total", "added")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    total: int
    added: int
    def __init__(self, total: _Optional[int] = ..., added: _Optional[int] = ...) -> None: ...

class SuppressionServiceListRequest(_message.Message):
    __slots__ = ("scopes", "limit", "cursor")
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    scopes: _containers.RepeatedScalarFieldContainer[str]
    limit: int
    cursor: str
    def __init__(self, scopes: _Optional[_Iterable[str]] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ...) -> None: ...

class SuppressionServiceListResponse(_message.Message):
    __slots__ = ("suppressions", "cursor")
    SUPPRESSIONS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    suppressions: _containers.RepeatedCompositeFieldContainer[Suppression]
    cursor: str
    def __init__(self, suppressions: _Optional[_Iterable[_Union[Suppression, _Mapping]]] = ..., cursor: _Optional[str] = ...) -> None: ...
