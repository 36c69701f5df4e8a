"""Messages for people and programs: plain dictionaries and the words for states."""

from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from hongyan.v1 import jobs_pb2

OPEN_STATES = ("pending", "deferred", "transmitting")
STATES = tuple(f.name for f in jobs_pb2.Counts.DESCRIPTOR.fields)
ENDED = (jobs_pb2.JOB_STATE_DONE, jobs_pb2.JOB_STATE_CANCELLED, jobs_pb2.JOB_STATE_REFUSED)


def state_label(value: int, kind: str = "row") -> str:
    """The word for a RowState (`render_error`), or with kind `job` for a JobState (`running`)."""
    enum, prefix = (jobs_pb2.JobState, "JOB_STATE_") if kind == "job" else (jobs_pb2.RowState, "ROW_STATE_")
    return str(enum.Name(value)).removeprefix(prefix).lower()


def row_state(label: str) -> int:
    """The RowState of a word; ValueError for any other."""
    return int(jobs_pb2.RowState.Value(f"ROW_STATE_{label.upper()}"))


def counts_of(job: jobs_pb2.Job) -> dict[str, int]:
    """Every state with its number of rows, in the order of the equation."""
    return {name: getattr(job.counts, name) for name in STATES}


def to_dict(message: Message) -> dict[str, Any]:
    """The message with its field names as keys, states as words, whole numbers as numbers, nothing left out."""
    found = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return _plain(message, found)


def _plain(message: Message, found: dict[str, Any]) -> dict[str, Any]:
    for field in message.DESCRIPTOR.fields:
        if field.name not in found:
            continue
        value = found[field.name]
        if field.message_type is not None and field.message_type.full_name.startswith("hongyan."):
            if field.message_type.GetOptions().map_entry:
                continue
            inner = getattr(message, field.name)
            if field.is_repeated:
                found[field.name] = [_plain(m, v) for m, v in zip(inner, value, strict=True)]
            else:
                found[field.name] = _plain(inner, value)
        elif field.enum_type is not None and not field.is_repeated:
            found[field.name] = state_label(getattr(message, field.name), "job" if "Job" in field.enum_type.name else "row")
        elif field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64) and not field.is_repeated:
            found[field.name] = int(value)
    return found
