"""The control file: what it may say, where each mistake stands, and that nothing in it can grow."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.intake.control import parse_control
from actors.intake.controltree import MAX_CONTROL_BYTES
from actors.model.errors import InvalidInput
from actors.model.spec import AttachmentSpec, ContentSpec, JobSpec, SenderSpec
from actors.model.spec_json import spec_from_json, spec_to_json
from actors.model.states import OnDoubt

FULL = """
name: November statement
sender: {from: "鴻雁銀行 <service@bank.test>", reply_to: care@bank.test}
content:
  subject: "{{ name | mask_name }} 您的{{ month }}月帳單"
  html: body.html
  attachments: [{file: "attachments/terms.pdf"}, "statements/{{ id }}.pdf"]
  headers: {X-Mailing: 0123}
  as_of: 2026-12-01
list:
  file: list.csv
  columns: {points: int, birthday: date, phone: text}
  rules: {dedupe: email, suppress: [global, marketing]}
schedule: {start: 2026-12-01T09:00, deadline: 2026-12-01T18:00+09:00, pause: ["12:00-13:30"], timezone: Asia/Taipei}
delivery: {pool: marketing, on_doubt: hold, retry_for: 36h}
results: {to: "file:///results/"}
"""
SMALL = 'name: n\nsender: {from: "a@b.test"}\ncontent: {subject: s, text: b.txt}\n'


def problems(text: str | bytes, file: str = "job.yaml") -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        parse_control(file, text if isinstance(text, bytes) else text.encode())
    return [str(p) for p in caught.value.problems]


def test_the_whole_file_is_understood() -> None:
    spec = parse_control("job.yaml", FULL.encode())
    taipei = timezone(timedelta(hours=8))
    assert spec.sender == SenderSpec("鴻雁銀行 <service@bank.test>", "care@bank.test")
    assert spec.content.headers == {"X-Mailing": "0123"}
    assert spec.content.attachments == (AttachmentSpec("attachments/terms.pdf"), AttachmentSpec("statements/{{ id }}.pdf"))
    assert spec.schedule.start == datetime(2026, 12, 1, 9, tzinfo=taipei)
    assert spec.schedule.deadline == datetime(2026, 12, 1, 18, tzinfo=timezone(timedelta(hours=9)))
    assert spec.content.as_of == datetime(2026, 12, 1, tzinfo=taipei)
    assert spec.schedule.pause == ("12:00-13:30",)
    assert (spec.delivery.on_doubt, spec.delivery.retry_for) == (OnDoubt.HOLD, 36 * 3600.0)
    assert spec.list_.rules.suppress == ("global", "marketing")
    assert spec_from_json(spec_to_json(spec)) == spec


def test_defaults_are_the_models() -> None:
    assert parse_control("job.yaml", SMALL.encode()) == JobSpec("n", SenderSpec("a@b.test"), ContentSpec("s", text="b.txt"))


def test_json_is_the_same_file() -> None:
    spec = parse_control("job.yaml", FULL.encode())
    as_json = json.dumps(
        {
            "name": "November statement",
            "sender": {"from": "鴻雁銀行 <service@bank.test>", "reply_to": "care@bank.test"},
            "content": {
                "subject": "{{ name | mask_name }} 您的{{ month }}月帳單",
                "html": "body.html",
                "attachments": [{"file": "attachments/terms.pdf"}, "statements/{{ id }}.pdf"],
                "headers": {"X-Mailing": "0123"},
                "as_of": "2026-12-01",
                "seed": None,
            },
            "list": {
                "file": "list.csv",
                "columns": {"points": "int", "birthday": "date", "phone": "text"},
                "rules": {"dedupe": "email", "suppress": ["global", "marketing"]},
            },
            "schedule": {
                "start": "2026-12-01T09:00",
                "deadline": "2026-12-01T18:00+09:00",
                "pause": "12:00-13:30",
                "timezone": "Asia/Taipei",
            },
            "delivery": {"pool": "marketing", "on_doubt": "hold", "retry_for": 129600},
            "results": {"to": "file:///results/"},
        }
    )
    assert parse_control("job.json", as_json.encode()) == spec


def test_a_naive_time_belongs_to_the_schedules_zone_with_its_summer_time() -> None:
    text = SMALL + "schedule: {start: 2026-07-01T09:00, timezone: America/New_York}\n"
    start = parse_control("job.yaml", text.encode()).schedule.start
    assert start is not None
    assert start.isoformat() == "2026-07-01T09:00:00-04:00"


def test_all_problems_come_at_once_with_their_lines() -> None:
    text = """name: ""
sendr: {from: a@b.test}
sender: {from: "no mailbox"}
content:
  subjct: hello
  one_click: maybe
  seed: 1.5
  headers: {"X Y": z}
list:
  file: ../list.csv
  encoding: ebcdic
  columns: {a: integer}
  delimiter: ab
schedule: {start: soon, timezone: Mars/Olympus}
delivery: {retry_for: ever, on_doubt: maybe}
"""
    assert problems(text) == [
        "job.yaml line 2: sendr: unknown key; did you mean 'sender'?",
        "job.yaml line 5: content.subjct: unknown key; did you mean 'subject'?",
        "job.yaml line 6: content.one_click: must be true or false",
        "job.yaml line 7: content.seed: must be a whole number",
        "job.yaml line 5: content.subject: is missing",
        "job.yaml line 14: schedule.start: must be a time such as 2026-12-01T09:00 or 2026-12-01T09:00+08:00",
        "job.yaml line 15: delivery.retry_for: must be a duration such as 48h, 90m or 2d",
        "job.yaml line 15: delivery.on_doubt: must be one of resend, skip, hold, expire",
    ]


def test_the_rules_inside_a_file_are_told_together() -> None:
    text = """name: " "
sender: {from: "no mailbox", reply_to: "{{ x }}", return_path: a@b@c.test}
content:
  subject: hello
  max_render_errors: 2
  headers: {"X Y": z}
list:
  file: ../list.csv
  encoding: ebcdic
  columns: {a: decimel}
  delimiter: ab
schedule: {start: 2026-12-02T00:00, deadline: 2026-12-01T00:00, timezone: Mars/Olympus, pause: [noon]}
delivery: {retry_for: 31d, pool: "", dsn: {notify: [never, delays, delay, delay], ret: hdrs}}
"""
    assert problems(text) == [
        "job.yaml line 1: name: must have 1 to 200 characters",
        "job.yaml line 2: sender.from: is no mailbox: a blank inside",
        "job.yaml line 2: sender.reply_to: takes no template",
        "job.yaml line 2: sender.return_path: is no mailbox: more than one @",
        "job.yaml line 6: content.headers.X Y: is no header name (ASCII without blanks and colon)",
        "job.yaml line 3: content: html or text must name a template file",
        "job.yaml line 5: content.max_render_errors: must lie between 0 and 1",
        "job.yaml line 8: list.file: the path leaves the bundle or has an empty part",
        "job.yaml line 10: list.columns.a: unknown type 'decimel'; did you mean 'decimal'?",
        "job.yaml line 9: list.encoding: must be one of auto, utf-8, utf8, utf-8-sig, utf-16, utf-16-le, utf-16-be, big5, "
        "cp950, gb18030, gbk, gb2312, ascii",
        "job.yaml line 11: list.delimiter: must be auto, comma, tab, semicolon, pipe or one ASCII character",
        "job.yaml line 12: schedule.timezone: is no time zone name such as Asia/Taipei",
        "job.yaml line 12: schedule.pause[0]: must be a window such as 12:00-13:30",
        "job.yaml line 12: schedule.deadline: must lie after schedule.start",
        "job.yaml line 13: delivery.retry_for: must be more than 0 and at most 30d",
        "job.yaml line 13: delivery.dsn.notify: must be some of success, failure, delay, never; did you mean 'delay'?",
        "job.yaml line 13: delivery.dsn.notify: never stands alone (RFC 3461 section 4.1)",
        "job.yaml line 13: delivery.dsn.notify: names one twice",
        "job.yaml line 13: delivery.dsn.ret: must be headers or full; did you mean 'headers'?",
        "job.yaml line 13: delivery.pool: must not be empty",
    ]


BROKEN = {
    "empty": (b"", "is empty"),
    "list": (b"- a\n", "must hold keys and values"),
    "syntax": (b"a: [1\nb: 2\n", "is not valid YAML"),
    "control": (b"a: \x07\n", "a character that YAML does not allow"),
    "latin": (b"name: ok\nx: caf\xe9\n", "line 2: is not UTF-8"),
    "twice": (b"name: a\nname: b\n", "line 2: the key 'name' is there twice"),
    "key": (b"? [a]\n: b\n", "a key must be a word"),
    "alias": (b"a: &x [1]\nb: *x\n", "line 1: anchors and aliases"),
    "bomb": (
        b"a: &a [x,x]\n" + b"".join(b"%c: &%c [*%c,*%c]\n" % (98 + i, 98 + i, 97 + i, 97 + i) for i in range(20)),
        "anchors",
    ),
    "tag": (b"name: !!python/object/apply:os.system [id]\n", "name: one value is expected here"),
    "deep": (b"[" * 50_000, "is nested too deeply"),
    "many": (b"a:\n" + b"- x\n" * 30_000, "too many entries"),
    "big": (b"#" * (MAX_CONTROL_BYTES + 1), "the limit is"),
}


@pytest.mark.parametrize(("data", "message"), BROKEN.values(), ids=list(BROKEN))
def test_a_file_that_cannot_be_read_is_refused(data: bytes, message: str) -> None:
    assert message in "\n".join(problems(data))


BROKEN_JSON = {
    "syntax": (b'{"name": "a",\n}', "line 2: is not valid JSON"),
    "twice": (b'{"name": "a", "name": "b"}', "the key 'name' is there twice"),
    "deep": (b"[" * 100_000, "is nested too deeply"),
    "deepish": (b'{"a":' * 30 + b"1" + b"}" * 30, "is nested too deeply"),
    "surrogate": (
        b'{"name": "\\ud83d", "sender": {"from": "a@b.test"}, "content": {"subject": "s", "text": "b"}}',
        "name: holds",
    ),
}


@pytest.mark.parametrize(("data", "message"), BROKEN_JSON.values(), ids=list(BROKEN_JSON))
def test_broken_json_is_refused(data: bytes, message: str) -> None:
    assert message in "\n".join(problems(data, "job.json"))


@pytest.mark.parametrize(
    "place", ["name", "sender.from", "sender.reply_to", "content.subject", "content.preheader", "content.headers.X"]
)
@pytest.mark.parametrize("evil", ["\n", "\r", "\r\n", "\0", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\x7f"], ids=ascii)
def test_s3_no_text_of_the_control_file_holds_a_line_end(place: str, evil: str) -> None:
    spec = {"name": "n", "sender": {"from": "a@b.test"}, "content": {"subject": "s", "text": "b.txt", "headers": {}}}
    *parents, key = place.split(".")
    at: dict[str, object] = spec  # type: ignore[assignment]
    for parent in parents:
        at = at[parent]  # type: ignore[assignment]
    at[key] = f"a{evil}Bcc: x@evil.test"
    assert "holds a line break or another control character" in "\n".join(problems(json.dumps(spec), "job.json"))


@pytest.mark.parametrize("text", ["no", "0912", "12:00", "1e3", "2026-12-01", "0x1F", "1_000"])
def test_yaml_guesses_nothing(text: str) -> None:
    assert parse_control("job.yaml", SMALL.replace("name: n", f"name: {text}").encode()).name == text


@pytest.mark.parametrize("text", ["", "~", "null"])
def test_a_key_without_a_value_is_left_out(text: str) -> None:
    assert parse_control("job.yaml", f"{SMALL}schedule: {text}\n".encode()) == parse_control("job.yaml", SMALL.encode())


PLAIN = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\x85"), min_size=1, max_size=30)


@given(
    PLAIN.filter(lambda t: t.strip()), PLAIN, st.dictionaries(st.from_regex(r"X-[A-Z]{1,5}", fullmatch=True), PLAIN, max_size=3)
)
def test_json_text_arrives_as_it_was_written(name: str, subject: str, headers: dict[str, str]) -> None:
    data = {"name": name, "sender": {"from": "a@b.test"}, "content": {"subject": subject, "text": "b", "headers": headers}}
    spec = parse_control("job.json", json.dumps(data).encode())
    assert (spec.name, spec.content.subject, spec.content.headers) == (name, subject, headers)


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_raise_invalid_input(data: bytes) -> None:
    for file in ("job.yaml", "job.json"):
        with pytest.raises(InvalidInput):
            parse_control(file, data)
