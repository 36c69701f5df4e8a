"""SuppressionService: thin calls of the ledger's suppression port. Soft state only.

Addresses pass through; they appear in no log and no error text (a problem names the place, not the address).
"""

from collections.abc import AsyncIterator
from typing import Any

import idna
from hongyan.v1 import suppressions_pb2 as pb
from hongyan.v1 import suppressions_pb2_grpc

from actors.model.errors import InvalidInput, Problem
from gateway.rpc import translate
from gateway.rpc.backend import Backend, patiently
from gateway.rpc.guard import Context, account
from gateway.rpc.limits import LimitReached, Limits

MAX_ADDRESSES = 10_000  # a call; one transaction of the ledger
MAX_PAGE = 10_000
DEFAULT_SCOPE = "global"
MAX_SCOPE_CHARS = 63
MAX_SCOPES = 50
MAX_REASON_CHARS = 200
MAX_ADDRESS_CHARS = 320  # RFC 3696 erratum 1690: 64 + 1 + 255; stops what is no address at all before it is looked at
MAX_STORED_CHARS = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets


class SuppressionService(suppressions_pb2_grpc.SuppressionServiceServicer):  # type: ignore[misc]
    """The RPC handlers; suppressions.proto says what each does."""

    def __init__(self, backend: Backend, limits: Limits):
        self._ledger, self._limits = backend.ledger, limits

    async def Add(self, request: Any, context: Context) -> pb.SuppressionServiceAddResponse:
        """Durable when it answers; again is harmless."""
        scope, reason, addresses = _scope(request.scope), _reason(request.reason), _addresses(request.addresses)
        added = await patiently(lambda: self._ledger.suppress(account(), scope, addresses, reason))
        return pb.SuppressionServiceAddResponse(added=added)

    async def Remove(self, request: Any, context: Context) -> pb.SuppressionServiceRemoveResponse:
        """Durable when it answers; again is harmless."""
        scope, addresses = _scope(request.scope), _addresses(request.addresses)
        removed = await patiently(lambda: self._ledger.unsuppress(account(), scope, addresses))
        return pb.SuppressionServiceRemoveResponse(removed=removed)

    async def Import(self, stream: AsyncIterator[Any], context: Context) -> pb.SuppressionServiceImportResponse:
        """Adds nothing before the stream has ended well and every address was looked at. A failed call may have added some:
        again is harmless."""
        first = await anext(stream, None)
        if first is None or first.WhichOneof("part") != "header":
            raise _bad("header", "must be the first message")
        scope, reason = _scope(first.header.scope), _reason(first.header.reason)
        addresses, ended = await self._collect(stream)
        if not ended:
            raise _bad("end", "must be the last message; nothing was added")
        if faults := [n for n, a in enumerate(addresses, 1) if not plausible(a)]:
            raise InvalidInput(tuple(Problem("addresses", "is no mail address", n) for n in faults[:100]))
        added = 0
        for start in range(0, len(addresses), MAX_ADDRESSES):
            part = addresses[start : start + MAX_ADDRESSES]
            added += await self._add_part(scope, part, reason, start)
        return pb.SuppressionServiceImportResponse(total=len(addresses), added=added)

    async def List(self, request: Any, context: Context) -> pb.SuppressionServiceListResponse:
        """The cursor is the last address."""
        if not 0 <= request.limit <= MAX_PAGE:
            raise _bad("limit", f"must lie between 1 and {MAX_PAGE}")
        if len(request.scopes) > MAX_SCOPES:
            raise _bad("scopes", f"may be {MAX_SCOPES}")
        if len(request.cursor) > MAX_ADDRESS_CHARS:
            raise _bad("cursor", "is none that List has given")
        limit = request.limit or 1000
        scopes = sorted({_scope(s) for s in request.scopes}) or [DEFAULT_SCOPE]
        page = await patiently(lambda: self._ledger.suppressed(account(), scopes, request.cursor, limit))
        return pb.SuppressionServiceListResponse(
            suppressions=[translate.suppression(s) for s in page], cursor=page[-1][0] if len(page) >= limit else ""
        )

    async def _collect(self, stream: AsyncIterator[Any]) -> tuple[list[str], bool]:
        """All addresses, and whether the client said that these are all."""
        addresses: list[str] = []
        async for message in stream:
            kind = message.WhichOneof("part")
            if kind == "end" and message.end:
                return addresses, True
            if kind != "batch":
                raise _bad("part", "only batches and the end may follow the header")
            if len(addresses) + len(message.batch.addresses) > self._limits.import_addresses:
                raise LimitReached("addresses of an import", str(self._limits.import_addresses))
            addresses.extend(message.batch.addresses)
        return addresses, False

    async def _add_part(self, scope: str, part: list[str], reason: str, start: int) -> int:
        """The ledger counts places from the part's start; the client from the import's."""
        try:
            return await patiently(lambda: self._ledger.suppress(account(), scope, part, reason))
        except InvalidInput as error:
            moved = tuple(Problem(p.file, p.message, p.line + start if p.line else 0, p.column) for p in error.problems)
            raise InvalidInput(moved) from None


def plausible(address: str) -> bool:
    """The ledger's own conditions, so that an import is looked at whole before its first part is added: one line, an @ with
    something on both sides, a domain that has an ASCII form, not too long in that form."""
    local, _, domain = address.strip().rpartition("@")
    if not (local and domain) or len(address) > MAX_ADDRESS_CHARS or not address.strip().isprintable():
        return False
    if not domain.isascii():
        try:
            domain = idna.encode(domain.lower(), uts46=True).decode("ascii")
        except idna.IDNAError:
            return False
    return len(local) + 1 + len(domain) <= MAX_STORED_CHARS


def _bad(field: str, why: str) -> InvalidInput:
    return InvalidInput((Problem("request", why, column=field),))


def _addresses(given: Any) -> list[str]:
    if not 0 < len(given) <= MAX_ADDRESSES:
        raise _bad("addresses", f"1 to {MAX_ADDRESSES} fit in a call; Import takes more")
    addresses = list(given)
    if faults := [n for n, a in enumerate(addresses, 1) if not plausible(a)]:
        raise InvalidInput(tuple(Problem("addresses", "is no mail address", n) for n in faults[:100]))
    return addresses


def _scope(scope: str) -> str:
    if len(scope) > MAX_SCOPE_CHARS or not scope.isprintable() or scope != scope.strip():
        raise _bad("scope", f"may have {MAX_SCOPE_CHARS} printable characters")
    return scope or DEFAULT_SCOPE


def _reason(reason: str) -> str:
    if len(reason) > MAX_REASON_CHARS or not reason.isprintable():
        raise _bad("reason", f"may have {MAX_REASON_CHARS} printable characters on one line")
    return reason
