"""A receiver's script: what its words mean, and what is said about a bad one."""

import pickle
from pathlib import Path

import pytest

from sandbox.policy import Features, Stage
from sandbox.script import ScriptError, load_script, parse_script


def problems(data: object) -> tuple[str, ...]:
    with pytest.raises(ScriptError) as caught:
        parse_script(data)
    return caught.value.problems


def test_all_words() -> None:
    script = parse_script(
        {
            "hostname": "mx.a.test",
            "seed": 3,
            "features": {"8bitmime": False, "size": 100},
            "rules": [
                {"domain": "*.A.test", "attempt": "2+", "share": 0.5, "probability": 0, "reply": "550"},
                {"greylist": "5m"},
                {"at": "dot", "drop": True, "keep": True},
                {"source": "127.0.0.0/8", "without": "STARTTLS", "connections": 3},
            ],
        }
    )
    first, grey, drop, session = script.rules
    assert (script.hostname, script.seed, script.features) == ("mx.a.test", 3, Features(eightbitmime=False, size=100))
    assert (first.at, first.domain, first.attempts[0], first.reply) == (Stage.RCPT, "*.a.test", 2, b"550 scripted")
    assert (grey.greylist, grey.reply[:3]) == (300.0, b"450")
    assert (drop.at, drop.drop, drop.keep) == (Stage.DOT, True, True)
    assert (session.at, session.without, session.connections) == (Stage.CONNECT, ("starttls",), 3)
    assert [rule.remembers for rule in script.rules] == [True, True, False, True]


def test_an_empty_file_accepts_everything(tmp_path: Path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("")
    assert load_script(file).rules == ()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, "rules[0]: does nothing"),
        ({"rpely": "550 no"}, "rules[0]: unknown key 'rpely'"),
        ({"reply": "no"}, "rules[0].reply: must be a reply"),
        ({"reply": "550 a\r\nb"}, "rules[0].reply: must be a reply"),
        ({"reply": "354 go"}, "rules[0]: a 3xx reply"),
        ({"reply": "550 no", "at": "helo"}, "rules[0].at: 'helo' is not a valid"),
        ({"reply": "550 no", "share": 2}, "rules[0].share: must be between 0 and 1"),
        ({"reply": "550 no", "probability": True}, "rules[0].probability: must be between"),
        ({"reply": "550 no", "attempt": 0}, "rules[0].attempt: must be a try's number"),
        ({"reply": "550 no", "source": "300.1.1.1"}, "rules[0].source: '300.1.1.1' does not appear"),
        ({"reply": "550 no", "drop": True}, "rules[0]: either reply or drop"),
        ({"reply": "550 no", "at": "mail", "domain": "a.test"}, "rules[0]: no recipient is known at 'mail'"),
        ({"reply": "550 no", "at": "body"}, "rules[0]: there is no reply in the middle"),
        ({"delay": "soon"}, "rules[0].delay: must be a time"),
        ({"drop": "yes"}, "rules[0].drop: must be true or false"),
        ({"drop": True, "keep": True}, "rules[0]: keep goes with drop"),
        ({"without": ["tls"]}, "rules[0].without: unknown feature 'tls'"),
        ({"messages": 0}, "rules[0].messages: must be 1 or more"),
        ({"messages": 5, "domain": "a.test"}, "rules[0]: 'domain' does not go with"),
        ("drop", "rules[0]: must be a mapping"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(rule: object, said: str) -> None:
    found = problems({"rules": [rule]})
    assert any(problem.startswith(said) for problem in found), found


def test_all_problems_at_once() -> None:
    found = problems({"hostnam": "x", "seed": -1, "features": {"size": "big", "tls": True}, "rules": [{"drop": 1}, {}]})
    places = [problem.partition(":")[0] for problem in found]
    assert {"script", "script.seed", "features", "features.size", "rules[0].drop", "rules[1]"} <= set(places)
    assert problems([]) == ("script: must be a mapping",)
    assert problems({"rules": 5}) == ("rules: must be a list",)


def test_files_that_are_no_script(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("rules: [")
    with pytest.raises(ScriptError, match="not YAML"):
        load_script(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScriptError):
        load_script(file)


def test_the_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(ScriptError(("a: b", "c: d"))))
    assert (error.problems, str(error)) == (("a: b", "c: d"), "a: b\nc: d")
