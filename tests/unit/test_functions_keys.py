"""Keys of templates: what receivers do by the guide, whose keys a job gets, and that keys show nowhere."""

import base64
import dataclasses
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.model.errors import InvalidInput
from actors.model.rendersettings import TemplateKeys
from actors.model.spec import ContentSpec
from cluster import machine
from cluster.build import Parts
from cluster.config import Config
from cluster.workbench import opened
from tests.examples import examples
from tests.fakes.mailing import Mailing
from tests.fakes.snapshot import JOB
from tests.unit.texts import CONTEXT, KEYS, NOW, shown, texts

GUIDE = Path(__file__).parents[2] / "docs" / "operating.md"
few = settings(max_examples=examples(30), deadline=None)


@pytest.fixture(scope="module")
def guide() -> dict[str, Callable[..., Any]]:
    """The functions that the guide gives to receivers."""
    (code,) = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, str(GUIDE), "exec"), names)
    return names


@few
@given(st.lists(texts, min_size=1, max_size=8))
def test_encrypted_fields(guide: dict[str, Callable[..., Any]], x: list[str]) -> None:
    tokens = shown("encrypt_field(x, 'demo')", x=x)
    assert [guide["decrypted"](token, KEYS["demo"]) for token in tokens] == x
    assert tokens == shown("x | encrypt_field('demo')", x=x)
    assert all(re.fullmatch("[A-Za-z0-9_-]+", token or "") for token in tokens)
    # A nonce for each value, and others for another job or another key.
    other = dataclasses.replace(CONTEXT, job="J2")
    nonces = {t[:16] for t in [*tokens, *shown("encrypt_field(x, 'demo')", context=other, x=x)] if t}
    nonces |= {t[:16] for t in shown("encrypt_field(x, 'other')", x=x) if t}
    assert len(nonces) == 3 * len(set(x))


def test_encrypted_fields_of_others_and_changed_ones_are_refused(guide: dict[str, Callable[..., Any]]) -> None:
    (token,) = shown("encrypt_field(x, 'demo')", x=["A123456789"])
    assert token is not None
    with pytest.raises(InvalidTag):
        guide["decrypted"](token, KEYS["other"])
    for at in range(0, len(token), 7):
        with pytest.raises(InvalidTag):
            guide["decrypted"](token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :], KEYS["demo"])


@few
@given(st.from_regex(r"(/[a-z%&=;鴻 ]{0,4}){0,2}(\?[a-z=&鴻+]{0,6})?(#[a-z]{0,3})?", fullmatch=True), st.integers(1, 10**6))
def test_signed_links(guide: dict[str, Callable[..., Any]], tail: str, ttl: int) -> None:
    (url,) = shown(f"sign_url(x, {ttl}, 'demo')", x=[f"https://demo.com{tail}"])
    assert url is not None
    target, hash_, fragment = url.removeprefix("https://demo.com").partition("#")
    assert hash_ + fragment == (tail[tail.index("#") :] if "#" in tail else "")
    end = int(NOW.timestamp()) + ttl
    holds, key = guide["link_holds"], KEYS["demo"]
    assert holds(target, key, end - 1)
    assert not holds(target, key, end)
    assert not holds(target, KEYS["other"], end - 1)
    for at in range(0, len(target), 5):
        assert not holds(target[:at] + ("a" if target[at] != "a" else "b") + target[at + 1 :], key, 0)
    assert not holds(target + "&a=1", key, 0)
    assert not holds(target.partition("&sig=")[0], key, 0)
    assert not holds(re.sub(r"exp=\d+", f"exp={end + 9}", target), key, 0)


def test_s35_a_printed_hmac_signs_no_link(guide: dict[str, Callable[..., Any]]) -> None:
    (mac,) = shown("hmac_sha256(x, 'demo') ~ hmac_sha256('hongyan sign_url 1', 'demo')", x=["/?exp=9999999999"])
    assert mac is not None
    for part in (mac[:64], mac[64:]):
        signature = base64.urlsafe_b64encode(bytes.fromhex(part)).rstrip(b"=").decode()
        assert not guide["link_holds"](f"/?exp=9999999999&sig={signature}", KEYS["demo"], 0)


CONTENT = ContentSpec(subject="Hello {{ name }}", html="body.html")
BODY = "<p>Dear {{ name }}</p>\n<p>{{ name | encrypt_field('vault') }}</p>"
SECRETS = TemplateKeys({"bank": {"vault": b"bank's own secret"}, "shop": {"other": b"shop's own secret"}})


def test_s33_a_job_gets_the_keys_of_its_account_alone(guide: dict[str, Callable[..., Any]]) -> None:
    with Mailing(CONTENT, {"body.html": BODY}, {"name": ["王", "Eve"]}, account="bank", keys=SECRETS) as mailing:
        assert mailing.renderer.check(JOB) == []
        (message, again) = (mailing.messages()[0].decode() for _ in range(2))
        assert message == again
        tokens = re.findall("[A-Za-z0-9_-]{36,}", message.partition("text/plain")[2])
        assert guide["decrypted"](tokens[0], b"bank's own secret") == "王"
    for account in ("shop", "", "ban"):
        with Mailing(CONTENT, {"body.html": BODY}, {"name": ["王"]}, account=account, keys=SECRETS) as mailing:
            problems = mailing.renderer.check(JOB)
            assert {(p.file, p.line) for p in problems} == {("body.html", 2), ("body.html (as text)", 3)}
            assert all(p.message.startswith("encrypt_field: key_id names no key that the account has") for p in problems)


def test_config_reads_the_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "links.key").write_text("0123456789abcdef鴻\n", encoding="utf-8")
    monkeypatch.setenv("VAULT_KEY", "env secret of 20 octets")
    config = Config(
        template_keys={"bank": {"links-1": "file://links.key"}, "shop": {"vault": "env://VAULT_KEY"}},
        file=tmp_path / "hongyan.yaml",
    )
    keys = Parts(config, lambda name: None).template_keys()
    assert keys.of("bank") == {"links-1": "0123456789abcdef鴻".encode()}
    assert keys.of("shop") == {"vault": b"env secret of 20 octets"}
    assert keys.of("nobody") == {}
    assert [(f.check, f.level.name) for f in machine.template_keys(config)] == [("template keys", "OK")]
    (mode,) = [f for f in machine.secret_files(config) if f.check == "template key bank/links-1"]
    assert mode.level.name == "FAIL"
    assert "secret" not in f"{config!r} {keys!r} {Parts(config, lambda name: None)!r}"
    assert "0123456789" not in f"{config!r} {keys!r} {dataclasses.replace(CONTEXT, keys=keys.of('bank'))!r}"
    assert pickle.loads(pickle.dumps(keys)) == keys


def test_s35_keys_that_cannot_be_used_are_named_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "short").write_text("fifteen octets!")
    (tmp_path / "bytes").write_bytes(b"\xff" * 32)
    names = {"short": "file://short", "gone": "file://gone", "bytes": "file://bytes", "unset": "env://HONGYAN_NOT_SET"}
    config = Config(template_keys={"bank": names}, file=tmp_path / "hongyan.yaml")
    with pytest.raises(InvalidInput) as raised:
        config.template_secrets()
    assert [p.column for p in raised.value.problems] == [f"template_keys.bank.{name}" for name in names]
    assert "fifteen" not in str(raised.value)
    assert [f.check for f in machine.template_keys(config)] == [f"template_keys.bank.{name}" for name in names]
    for bad in (
        {"Bank!": {"a": "env://A"}},
        {"bank": {"a b": "env://A"}},
        {"bank": {"a": "a secret in the clear"}},
        {"bank": {"a": ""}},
    ):
        with pytest.raises(ValueError, match="template_keys"):
            Config(template_keys=bad)


async def test_a_look_at_a_bundle_has_the_keys(tmp_path: Path, guide: dict[str, Callable[..., Any]]) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    content = "content: {subject: Hello, text: body.txt}\nlist: {file: list.csv, email: email}\n"
    (bundle / "job.yaml").write_text(f"name: keys\nsender: {{from: a@demo.com}}\n{content}")
    (bundle / "body.txt").write_text("Hello\n{{ sign_url('https://demo.com/x', 60, 'links') }}\n")
    (bundle / "list.csv").write_text("email\na@demo.com\n")
    (tmp_path / "links.key").write_text("0123456789abcdef")
    file = tmp_path / "hongyan.yaml"
    for accounts in ({"local": "links"}, {"default": "links", "bank": "others"}, {"bank": "links"}):
        config = Config(template_keys={a: {name: "file://links.key"} for a, name in accounts.items()}, file=file)
        async with opened(bundle, config) as bench:
            target = re.findall(r"https://demo.com(\S+)", (await bench.preview(0)).text)[0]
            assert guide["link_holds"](target, b"0123456789abcdef", 0)
    for accounts in ({}, {"bank": "links", "shop": "links"}, {"local": "others", "default": "links"}):
        config = Config(template_keys={a: {name: "file://links.key"} for a, name in accounts.items()}, file=file)
        with pytest.raises(InvalidInput, match=r"body\.txt line 2: sign_url: key_id names no key"):
            async with opened(bundle, config):
                pass
