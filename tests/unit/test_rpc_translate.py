"""Domain to proto: numbers, times, and a control file that intake reads as it would read job.yaml."""

import json

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import ParseDict
from hongyan.v1 import jobs_pb2, spec_pb2
from hypothesis import given
from hypothesis import strategies as st

from actors.model.job import JobRecord, JobStatus
from actors.model.states import JobState, RowState
from gateway.rpc import translate


@given(st.floats(0.001, 2**34))
def test_times_come_back_to_the_microsecond(seconds):
    found = translate.timestamp(seconds)
    assert abs(found.seconds + found.nanos / 1e9 - seconds) < 1e-5
    assert 0 <= found.nanos < 10**9


def test_a_time_that_is_not_set_is_left_out():
    job = translate.job(JobStatus(JobRecord("J", "a", "n", JobState.RUNNING), {}))
    assert not any(job.HasField(f) for f in ("created_at", "start_at", "deadline_at", "started_at", "ended_at", "at"))


def test_every_state_has_its_number_and_its_count():
    for state in JobState:
        found = translate.job(JobStatus(JobRecord("J", "a", "n", state), {s: int(s) + 1 for s in RowState}))
        assert jobs_pb2.JobState.Name(found.state) == f"JOB_STATE_{state.name}"
        assert {s.label: getattr(found.counts, s.label) for s in RowState} == {s.label: int(s) + 1 for s in RowState}
    for state in RowState:
        assert jobs_pb2.RowState.Name(translate.row_state(state)) == f"ROW_STATE_{state.name}"
        assert translate.row_states([translate.row_state(state)]) == (state,)


FULL = {
    "name": "帳單",
    "sender": {"from": "銀行 <a@b.test>", "reply_to": "c@d.test", "return_path": "e@f.test", "verp": True},
    "content": {
        "subject": "{{ name }}",
        "html": "body.html",
        "text": "body.txt",
        "preheader": "p",
        "headers": {"X-A": "{{ a }}"},
        "attachments": [{"file": "a.pdf"}, {"file": "{{ id }}.pdf", "name": "帳單.pdf"}],
        "unsubscribe": "https://u.test",
        "one_click": False,
        "max_render_errors": 0.0,
        "locale": "en-US",
        "as_of": "2026-01-01T00:00",
        "seed": 7,
    },
    "list": {
        "file": "list.tsv",
        "email": "mail",
        "columns": {"id": "text"},
        "encoding": "big5",
        "delimiter": ";",
        "sheet": "S",
        "rules": {"dedupe": "", "suppress": ["global", "m"]},
    },
    "schedule": {"start": "2026-12-01T09:00", "deadline": "2026-12-02", "pause": ["12:00-13:30"], "timezone": "UTC"},
    "delivery": {"pool": "p", "on_doubt": "hold", "retry_for": "5400s", "dsn": {"notify": ["failure", "delay"], "ret": "full"}},
    "results": {"to": "file:///r"},
    "tables": {"stores": {"key": "k", "columns": {"k": "text"}, "encoding": "big5", "delimiter": ";", "sheet": "S"}},
}


def test_a_full_spec_becomes_the_control_file():
    as_proto = json.loads(json.dumps(FULL))
    as_proto["content"]["seed"] = "7"
    as_proto["list"]["rules"]["suppress"] = {"names": ["global", "m"]}
    as_proto["delivery"]["on_doubt"] = "ON_DOUBT_HOLD"
    spec = ParseDict(as_proto, spec_pb2.JobSpec())
    assert json.loads(translate.control_file(spec)) == FULL


def test_what_is_left_out_stays_out():
    assert json.loads(translate.control_file(spec_pb2.JobSpec())) == {}
    spec = spec_pb2.JobSpec(delivery=spec_pb2.DeliverySpec(retry_for=Duration(seconds=1, nanos=500_000_000)))
    assert json.loads(translate.control_file(spec)) == {"delivery": {"retry_for": "1.5s"}}
