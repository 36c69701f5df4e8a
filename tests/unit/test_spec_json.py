"""Snapshot JSON: what comes back equals what went in."""

import json
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.model.errors import BrokenPromise
from actors.model.job import Manifest
from actors.model.spec import AttachmentSpec, ContentSpec, DeliverySpec, DsnSpec, JobSpec, ListSpec, ScheduleSpec, SenderSpec
from actors.model.spec_json import manifest_from_json, manifest_to_json, spec_from_json, spec_to_json
from actors.model.states import OnDoubt

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
times = st.none() | st.datetimes() | st.datetimes(timezones=st.just(UTC))
specs = st.builds(
    JobSpec,
    name=text,
    sender=st.builds(SenderSpec, from_=text, reply_to=text, return_path=text, verp=st.booleans()),
    content=st.builds(
        ContentSpec,
        subject=text,
        html=text,
        headers=st.dictionaries(text, text, max_size=3),
        attachments=st.lists(st.builds(AttachmentSpec, file=text, name=text), max_size=3).map(tuple),
        one_click=st.booleans(),
        max_render_errors=st.floats(0, 1) | st.sampled_from([0.0, 1.0]),
        as_of=times,
        seed=st.integers(),
    ),
    list_=st.builds(ListSpec, columns=st.dictionaries(text, text, max_size=3)),
    schedule=st.builds(ScheduleSpec, start=times, deadline=times, pause=st.lists(text, max_size=2).map(tuple)),
    delivery=st.builds(
        DeliverySpec,
        on_doubt=st.sampled_from(OnDoubt),
        retry_for=st.floats(0, 1e9),
        dsn=st.builds(DsnSpec, notify=st.lists(text).map(tuple)),
    ),
)


@given(specs)
def test_spec_round_trip(spec: JobSpec) -> None:
    back = spec_from_json(spec_to_json(spec))
    assert back == spec
    assert spec_to_json(back) == spec_to_json(spec)
    assert type(back.delivery.retry_for) is float
    assert type(back.delivery.on_doubt) is OnDoubt


def test_keys_are_those_of_the_control_file() -> None:
    data = spec_to_json(JobSpec("n", SenderSpec("a@b.test"), ContentSpec("s")))
    assert b'"from"' in data
    assert b'"list"' in data
    assert b'from_"' not in data


@given(
    st.builds(Manifest, types=st.dictionaries(text, text, max_size=5), counts=st.dictionaries(text, st.integers(0), max_size=3))
)
def test_manifest_round_trip_keeps_column_order(manifest: Manifest) -> None:
    back = manifest_from_json(manifest_to_json(manifest))
    assert back == manifest
    assert list(back.types) == list(manifest.types)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"name": 1}'])
def test_foreign_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BrokenPromise):
        spec_from_json(data)


def test_wrong_type_names_its_place() -> None:
    data = spec_to_json(JobSpec("n", SenderSpec("a@b.test"), ContentSpec("s", seed=3))).replace(b'"seed": 3', b'"seed": "3"')
    with pytest.raises(BrokenPromise, match=r"JobSpec\.content\.seed"):
        spec_from_json(data)


def test_a_snapshot_of_an_older_program_takes_the_defaults_of_what_came_later():
    old = json.loads(spec_to_json(JobSpec("n", SenderSpec("a@b.test"), ContentSpec("s"))))
    del old["delivery"]["rate"], old["delivery"]["priority"], old["schedule"]["days"]
    back = spec_from_json(json.dumps(old).encode())
    assert (back.delivery.rate, back.delivery.priority, back.schedule.days) == ("", "normal", ())
