"""Hongyan's errors as gRPC statuses with google.rpc details. ONE table; nobody else chooses a status code.

A status travels in HTTP/2 trailers, of which clients take 8 KB in all: details and text are cut to fit, and ErrorInfo tells how
many problems there are in truth. `Check` gives all of them in its reply.
"""

from collections.abc import Callable, Iterable
from typing import NoReturn
from urllib.parse import quote

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from actors.model.errors import (
    BrokenPromise,
    Conflict,
    Fenced,
    HongyanError,
    InvalidInput,
    NotFound,
    Problem,
    Unauthenticated,
    Unavailable,
)
from gateway.rpc.limits import LimitReached

DOMAIN = "hongyan"  # google.rpc.ErrorInfo.domain
MAX_DETAIL_BYTES = 3000  # binary trailers are base64 on the wire: 4,000 octets
MAX_TEXT_OCTETS = 1500  # percent-encoded on the wire
RETRY_AFTER = 2.0  # seconds; an actor is usually back by then


def place(problem: Problem) -> str:
    """`FILE:LINE:COLUMN`, the form of BadRequest's `field`; line 0 and an empty column where they make no sense."""
    return f"{problem.file}:{problem.line}:{problem.column}"


def _invalid(error: InvalidInput) -> Iterable[Message]:
    bad, size = error_details_pb2.BadRequest(), 0
    for problem in error.problems:
        violation = bad.FieldViolation(field=place(problem), description=problem.message)
        size += violation.ByteSize() + 4
        if size > MAX_DETAIL_BYTES:
            break
        bad.field_violations.append(violation)
    return (bad,)


def _missing(error: NotFound) -> Iterable[Message]:
    return (error_details_pb2.ResourceInfo(resource_type=error.kind, resource_name=error.name[:200]),)


def _conflict(error: Conflict) -> Iterable[Message]:
    failure = error_details_pb2.PreconditionFailure()
    failure.violations.add(type="STATE", subject=error.what[:200], description=error.why[:500])
    return (failure,)


def _away(error: Unavailable) -> Iterable[Message]:
    return (_retry(RETRY_AFTER),)


def _limited(error: LimitReached) -> Iterable[Message]:
    failure = error_details_pb2.QuotaFailure()
    failure.violations.add(subject=error.what, description=str(error))
    return (failure, _retry(error.retry_after)) if error.retry_after else (failure,)


def _retry(seconds: float) -> Message:
    info = error_details_pb2.RetryInfo()
    info.retry_delay.FromMilliseconds(max(1, round(seconds * 1000)))
    return info


def _plain(error: HongyanError) -> Iterable[Message]:
    return ()


# Error class -> (status, ErrorInfo.reason, details). The first class that fits counts.
TABLE: tuple[tuple[type[HongyanError], int, str, Callable[..., Iterable[Message]]], ...] = (
    (InvalidInput, code_pb2.INVALID_ARGUMENT, "INVALID_INPUT", _invalid),
    (NotFound, code_pb2.NOT_FOUND, "NOT_FOUND", _missing),
    (Conflict, code_pb2.FAILED_PRECONDITION, "CONFLICT", _conflict),
    (Fenced, code_pb2.ABORTED, "FENCED", _plain),
    (Unavailable, code_pb2.UNAVAILABLE, "UNAVAILABLE", _away),
    (LimitReached, code_pb2.RESOURCE_EXHAUSTED, "LIMIT_REACHED", _limited),
    (Unauthenticated, code_pb2.UNAUTHENTICATED, "UNAUTHENTICATED", _plain),
    (BrokenPromise, code_pb2.INTERNAL, "BROKEN_PROMISE", _plain),
    (HongyanError, code_pb2.UNKNOWN, "UNKNOWN", _plain),
)


def status_of(error: HongyanError) -> status_pb2.Status:
    """The error as google.rpc.Status, small enough for any client."""
    code, reason, details = next((c, r, d) for kind, c, r, d in TABLE if isinstance(error, kind))
    info = error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN)
    if isinstance(error, InvalidInput):
        info.metadata["problems"] = str(len(error.problems))
    status = status_pb2.Status(code=code, message=_text(error))
    for detail in (info, *details(error)):
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _text(error: HongyanError) -> str:
    if isinstance(error, InvalidInput) and error.problems:
        more = len(error.problems) - 1
        text = str(error.problems[0]) + (f" (and {more} more)" if more else "")
    else:
        text = str(error)
    while len(quote(text)) > MAX_TEXT_OCTETS:
        text = text[: len(text) * 3 // 4] + "…"
    return text


async def refuse(context: "grpc.aio.ServicerContext[object, object]", error: HongyanError) -> NoReturn:
    """Ends the call with the error's status."""
    status = rpc_status.to_status(status_of(error))
    await context.abort(status.code, status.details, status.trailing_metadata)
    raise AssertionError("abort always raises")
