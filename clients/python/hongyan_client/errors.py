"""What went wrong, in the server's words: one exception for every gRPC status, with the problems that the details name."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status


class HongyanClientError(Exception):
    """`code`: the gRPC status name ("NOT_FOUND"); `problems`: (place, what to change) of bad input; `retry`: worth another try."""

    def __init__(self, code: str, message: str, problems: tuple[tuple[str, str], ...] = ()):
        super().__init__(code, message, problems)
        self.code, self.message, self.problems = code, message, problems

    @property
    def retry(self) -> bool:
        return self.code in ("UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED")

    def __str__(self) -> str:
        lines = [f"{place}: {text}" if place else text for place, text in self.problems]
        return "\n".join(lines) or f"{self.message} ({self.code})"


@contextmanager
def translated() -> Iterator[None]:
    """Turns gRPC's errors into HongyanClientError."""
    try:
        yield
    except grpc.RpcError as error:
        raise _client_error(error) from None


def _client_error(error: grpc.RpcError) -> HongyanClientError:
    status = rpc_status.from_call(error)
    problems: list[tuple[str, str]] = []
    for detail in status.details if status is not None else ():
        violations = error_details_pb2.BadRequest()
        if detail.Unpack(violations):
            problems += [(v.field, v.description) for v in violations.field_violations]
    return HongyanClientError(error.code().name, error.details() or "no answer", tuple(problems))
