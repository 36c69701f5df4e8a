"""Stands before every call: key, limits, parsing, and the one way in which errors leave.

Without a valid key nothing but health answers, not even "no such method". Requests are parsed here instead of in gRPC, so that
bytes that are no message are INVALID_ARGUMENT. Servicers find the caller's account in `account()` and just raise.
"""

import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from actors.model.errors import BrokenPromise, HongyanError, InvalidInput, Problem
from gateway.rpc.auth import KeyRing
from gateway.rpc.errors import refuse
from gateway.rpc.limits import Meter

HEALTH = "/grpc.health.v1.Health/"
OURS = "/hongyan.v1."
_ACCOUNT: ContextVar[str] = ContextVar("account")
log = logging.getLogger("hongyan.gateway")

Context = Any  # grpc.aio.ServicerContext; its type parameters say nothing here


def account() -> str:
    """The account of the call under way."""
    return _ACCOUNT.get()


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """The interceptor of the server."""

    def __init__(self, keys: KeyRing, meter: Meter):
        self._keys, self._meter = keys, meter

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        if details.method.startswith(HEALTH):
            return await continuation(details)
        try:
            caller = self._keys.account(_authorization(details.invocation_metadata))
        except HongyanError as error:
            return _refusing(error)
        handler = await continuation(details)
        if handler is None or not details.method.startswith(OURS):
            return handler
        return self._guarded(handler, caller, details.method.rpartition("/")[2])

    def _guarded(self, handler: Any, caller: str, method: str) -> Any:
        parse = handler.request_deserializer
        stream_in, stream_out = handler.request_streaming, handler.response_streaming
        inner = handler.stream_stream or handler.stream_unary or handler.unary_stream or handler.unary_unary

        def arrange(given: Any) -> Any:
            return _parsed(parse, given) if stream_in else _parse(parse, given)

        async def single(given: Any, context: Context) -> Any:
            _ACCOUNT.set(caller)
            try:
                with self._meter.call(caller):
                    return await inner(arrange(given), context)
            except Exception as error:
                return await _leave(error, context, method)

        async def several(given: Any, context: Context) -> AsyncIterator[Any]:
            _ACCOUNT.set(caller)
            try:
                with self._meter.call(caller):
                    async for reply in inner(arrange(given), context):
                        yield reply
            except Exception as error:
                await _leave(error, context, method)

        make = _MAKERS[stream_in, stream_out]
        return make(several if stream_out else single, None, handler.response_serializer)


_MAKERS: dict[tuple[bool, bool], Callable[..., Any]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def _authorization(metadata: Any) -> str:
    """The one authorization value; several are as good as none."""
    values = [value for name, value in metadata or () if name == "authorization"]
    return values[0] if len(values) == 1 and isinstance(values[0], str) else ""


def _refusing(error: HongyanError) -> Any:
    """On the wire all four kinds of call look alike, so one handler refuses them all, before any message is read."""

    async def handler(_: Any, context: Context) -> AsyncIterator[bytes]:
        await refuse(context, error)
        yield b""

    return grpc.stream_stream_rpc_method_handler(handler)


def _parse(parse: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return parse(data)
    except DecodeError:
        raise InvalidInput((Problem("request", "is no valid message of this call"),)) from None


async def _parsed(parse: Callable[[bytes], Any], stream: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for data in stream:
        yield _parse(parse, data)


async def _leave(error: Exception, context: Context, method: str) -> None:
    """The call ends with the error's status. What nobody expected is logged by its place, never by its text (it may hold data
    of people)."""
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if not isinstance(error, HongyanError):
        place = " < ".join(f"{f.name}:{f.lineno}" for f in reversed(traceback.extract_tb(error.__traceback__)[-4:]))
        log.error("%s failed: %s at %s", method, type(error).__name__, place)
        error = BrokenPromise(f"{method} failed inside the gateway ({type(error).__name__}); the log tells more")
    await refuse(context, error)
