"""Return paths of rows: what they tell, who can make one, and where a mailbox has no room for a token."""

import email
import json
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from actors.intake.ids import encode_id
from actors.model.errors import InvalidInput
from actors.model.rendersettings import TemplateKeys
from actors.model.returnpath import ALPHABET, LONGEST, TOKEN_CHARS, read_row_path, row_path
from actors.model.spec import ContentSpec, SenderSpec
from actors.sender.messages import PATH
from cluster.config import Config
from gateway.cli.main import build
from tests.fakes.mailing import Mailing
from tests.fakes.snapshot import JOB

KEY = b"a key of sixteen bytes and more"
PATHS = st.builds(encode_id, st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
ROWS = st.integers(0, 2**35 - 1)
CONTENT = ContentSpec("Hi", text="b.txt")
FILES = {"b.txt": "Hello {{ name }}"}


@given(PATHS, ROWS)
def test_a_path_tells_job_and_row_to_who_has_the_key(job: str, row: int) -> None:
    path = row_path("bounces@bank.test", job, row, KEY)
    assert read_row_path(path, KEY) == (job, row)
    assert read_row_path(path.upper(), KEY) == (job, row)
    assert read_row_path(path, KEY + b"!") is None
    local, _, domain = path.rpartition("@")
    assert (len(local.encode()), domain) == (len("bounces+") + TOKEN_CHARS, "bank.test")
    assert PATH.fullmatch(path)


@given(PATHS, ROWS, st.integers(0, TOKEN_CHARS - 1), st.sampled_from(ALPHABET))
def test_no_other_character_will_do(job: str, row: int, at: int, char: str) -> None:
    path = row_path("b@bank.test", job, row, KEY)
    changed = f"b+{path[2 : 2 + at]}{char}{path[3 + at :]}"
    assert (read_row_path(changed, KEY) == (job, row)) is (changed == path)


@given(st.text())
def test_any_text_is_only_no_path(text: str) -> None:
    assert read_row_path(text, KEY) is None


def test_the_token_of_one_row_is_of_no_use_for_another() -> None:
    first, second = row_path("b@bank.test", JOB, 1, KEY), row_path("b@bank.test", JOB, 2, KEY)
    assert first[-22:] != second[-22:]
    assert read_row_path(second[: -len("@bank.test") - 12] + first[-22:], KEY) is None


def test_each_row_has_its_own_and_the_same_at_every_attempt() -> None:
    sender = SenderSpec("Bank <service@bank.test>", return_path="bounces@bank.test", verp=True)
    addresses = ["one@a.test", None, "three@a.test"]
    with Mailing(
        CONTENT, FILES, {"name": ["a", "b", "c"]}, sender=sender, addresses=addresses, keys=TemplateKeys(bounces=KEY)
    ) as mailing:
        envelopes = mailing.envelopes()
        assert envelopes.return_paths == mailing.envelopes().return_paths
        shown = mailing.renderer.preview(JOB, 2, mailing.stamp)
        unsent = mailing.renderer.preview(JOB, 1, mailing.stamp)
    assert [read_row_path(path, KEY) for path in envelopes.return_paths] == [(JOB, 0), (JOB, 2)]
    assert not any("one" in path or "three" in path or "a.test" in path for path in envelopes.return_paths)
    assert shown.return_path == envelopes.return_paths[1]
    assert email.message_from_bytes(shown.message, policy=default)["From"] == "Bank <service@bank.test>"
    assert unsent.return_path == "bounces@bank.test"


@pytest.mark.parametrize(
    ("path", "key", "problem"),
    [
        ("bounces@bank.test", b"", "the operator's config has no bounce_key"),
        ("b" * (LONGEST + 1) + "@bank.test", KEY, "18 octets"),
        ('"a b"@bank.test', KEY, "quotes"),
    ],
)
def test_what_cannot_be_is_found_by_the_check(path: str, key: bytes, problem: str) -> None:
    sender = SenderSpec("Bank <service@bank.test>", return_path=path, verp=True)
    with Mailing(CONTENT, FILES, {"name": ["a"]}, sender=sender, keys=TemplateKeys(bounces=key)) as mailing:
        (found,) = mailing.renderer.check(JOB)
    assert found.message.startswith("sender.verp: ")
    assert problem in found.message


def test_the_longest_mailbox_still_keeps_to_rfc_5321() -> None:
    local, _, _ = row_path("b" * LONGEST + "@bank.test", JOB, 2**35 - 1, KEY).rpartition("@")
    assert len(local) == 64


def test_a_short_key_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("BOUNCES", "short")
    with pytest.raises(InvalidInput) as raised:
        Config(bounce_key="env://BOUNCES", file=tmp_path / "hongyan.yaml").bounce_secret()
    assert raised.value.problems[0].column == "bounce_key"


def test_the_command_tells_job_and_row_or_that_it_was_made_up(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("BOUNCES", KEY.decode())
    config = tmp_path / "hongyan.yaml"
    config.write_text("bounce_key: env://BOUNCES\n")
    run = CliRunner()
    options = ["--config", str(config), "--json"]
    good = run.invoke(build(), ["bounce", f"<{row_path('b@bank.test', JOB, 7, KEY)}>", *options])
    assert (good.exit_code, json.loads(good.stdout)) == (0, {"genuine": True, "job": JOB, "row": 7})
    forged = run.invoke(build(), ["bounce", row_path("b@bank.test", JOB, 7, b"another key of 16 bytes"), *options])
    assert (forged.exit_code, json.loads(forged.stdout)) == (1, {"genuine": False})
    config.write_text("{}\n")
    assert run.invoke(build(), ["bounce", "b@bank.test", *options]).exit_code == 2
