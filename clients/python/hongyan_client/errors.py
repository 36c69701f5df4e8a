"""What the gateway refuses, as one exception with the place of everything that has to be mended."""

import re

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from hongyan.v1 import jobs_pb2

_PLACE = re.compile(r"(?P<file>.*?):(?P<line>\d+):(?P<column>.*)", re.DOTALL)


class HongyanClientError(Exception):
    """`code` is the gRPC status name; `problems` are hongyan.v1.Problem; `total` counts those that did not fit too."""

    def __init__(
        self,
        code: str,
        text: str,
        problems: tuple[jobs_pb2.Problem, ...] = (),
        total: int = 0,
        retry_after: float = 0.0,
    ):
        super().__init__(code, text, problems, total, retry_after)
        self.code, self.text, self.problems, self.retry_after = code, text, problems, retry_after
        self.total = max(total, len(problems))

    def __str__(self) -> str:
        return "\n".join(describe(p) for p in self.problems) or self.text

    @property
    def temporary(self) -> bool:
        """The same call may go well a moment later."""
        return self.code in ("UNAVAILABLE", "ABORTED") or (self.code == "RESOURCE_EXHAUSTED" and self.retry_after > 0)


def describe(problem: jobs_pb2.Problem) -> str:
    """`list.csv line 4012 column email: no @`."""
    place = problem.file
    if problem.line:
        place += f" line {problem.line}"
    if problem.column:
        place += f" column {problem.column}"
    return f"{place}: {problem.message}"


def problem(file: str, message: str, line: int = 0, column: str = "") -> jobs_pb2.Problem:
    """One thing to mend that the client has found itself."""
    return jobs_pb2.Problem(file=file, line=line, column=column, message=message)


def from_rpc(error: grpc.RpcError) -> HongyanClientError:
    """The gateway's error, or the network's."""
    code, text = error.code().name, error.details() or "no answer"
    problems: list[jobs_pb2.Problem] = []
    total, retry_after = 0, 0.0
    for detail in _details(error):
        if isinstance(detail, error_details_pb2.BadRequest):
            problems = [_problem(v.field, v.description) for v in detail.field_violations]
        elif isinstance(detail, error_details_pb2.RetryInfo):
            retry_after = detail.retry_delay.ToMilliseconds() / 1000
        elif isinstance(detail, error_details_pb2.ErrorInfo):
            total = int(detail.metadata.get("problems", "0"))
    return HongyanClientError(code, text, tuple(problems), total, retry_after)


def _details(error: grpc.RpcError) -> list[object]:
    try:
        status = rpc_status.from_call(error)
    except (ValueError, NotImplementedError):  # the network's own errors carry no details
        return []
    found = []
    for packed in status.details if status else ():
        for kind in (error_details_pb2.BadRequest, error_details_pb2.RetryInfo, error_details_pb2.ErrorInfo):
            if packed.Is(kind.DESCRIPTOR):
                detail = kind()
                packed.Unpack(detail)
                found.append(detail)
    return found


def _problem(field: str, message: str) -> jobs_pb2.Problem:
    found = _PLACE.fullmatch(field)
    if not found:
        return problem(field, message)
    return problem(found["file"], message, int(found["line"]), found["column"])
