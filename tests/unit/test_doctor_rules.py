"""The doctor's rules: what counts as ok, as a warning, as a failure, and what the remedy says."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from actors.renderer.message.dkim import Signer
from cluster import findings, mailrecords
from cluster.config import Config, EgressConfig, RayConfig
from cluster.findings import Level
from tests.fakes.identities import ed25519_identity, rsa_identity

NAME = "s1._domainkey.bank.test"
RSA, RSA_RECORD = rsa_identity()
ED, ED_RECORD = ed25519_identity()
GB = 2**30


def test_a_signer_knows_the_record_to_publish() -> None:
    assert (Signer(RSA).record_name, Signer(RSA).record()) == (NAME, RSA_RECORD)
    assert Signer(ED).record() == ED_RECORD


def key_record(*answer: str) -> findings.Finding:
    return mailrecords.judge_key_record(NAME, RSA_RECORD, answer)


def test_a_key_record_that_is_ours() -> None:
    assert key_record(RSA_RECORD, "v=spf1 -all").level is Level.OK
    folded = RSA_RECORD.replace("; ", ";").replace("p=MII", "p=MI I")
    assert key_record(folded).level is Level.OK
    assert mailrecords.judge_key_record("s2", ED_RECORD, [ED_RECORD]).level is Level.OK
    public = load_pem_private_key(RSA.key_pem, None).public_key()
    old_form = b64encode(public.public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()  # type: ignore[union-attr,call-overload]
    assert key_record(f"p={old_form}").level is Level.OK


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ([], "not found"),
        (["v=spf1 -all"], "not found"),
        ([rsa_identity(selector="other")[1]], "another key"),
        (["v=DKIM1; k=rsa; p=!!!"], "another key"),
        (["v=DKIM1; k=rsa; p="], "revoked"),
        ([ED_RECORD], "another kind"),
        ([RSA_RECORD + "; h=sha1"], "sha256"),
        ([RSA_RECORD, RSA_RECORD], "2 key records"),
    ],
)
def test_a_key_record_that_is_not_ours_says_what_to_publish(answer: list[str], found: str) -> None:
    finding = key_record(*answer)
    assert finding.level is Level.FAIL
    assert found in finding.found
    assert f'publish {NAME}. TXT "v=DKIM1; k=rsa; p=' in finding.remedy
    shown = "".join(finding.remedy.partition(" TXT ")[2].replace('" "', "").strip('"'))
    assert shown == RSA_RECORD


def test_a_record_in_testing_is_a_warning_and_no_answer_is_no_missing_record() -> None:
    assert key_record(RSA_RECORD + "; t=y").level is Level.WARN
    silent = mailrecords.judge_key_record(NAME, RSA_RECORD, None)
    assert silent.level is Level.FAIL
    assert "no answer" in silent.found
    assert "publish" not in silent.remedy


@pytest.mark.parametrize(
    ("answer", "level", "words"),
    [
        (["v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"], Level.OK, "192.0.2.0/24"),
        (["v=spf1 include:_spf.host.test -all"], Level.OK, "not followed"),
        (["v=spf1 a -all", "other text"], Level.OK, "not followed"),
        (["v=spf1 ip4:198.51.100.1 -all"], Level.FAIL, "ip4:192.0.2.10 ip6:2001:db8::1"),
        (["v=spf1 ip4:192.0.2.10 -all"], Level.FAIL, "add ip6:2001:db8::1"),
        (["v=spf1 -all", "v=spf1 ~all"], Level.FAIL, "only one"),
        (["v=spf10 -all"], Level.FAIL, "v=spf1 ip4:192.0.2.10 ip6:2001:db8::1 -all"),
        ([], Level.FAIL, 'bank.test. TXT "v=spf1 ip4:192.0.2.10'),
        (None, Level.FAIL, "no answer"),
    ],
)
def test_spf(answer: list[str] | None, level: Level, words: str) -> None:
    finding = mailrecords.judge_spf("bank.test", answer, ["192.0.2.10", "2001:db8::1"])
    assert finding.level is level
    assert words in f"{finding.found} {finding.remedy}"


def test_dmarc_is_looked_for_at_the_domain_and_above() -> None:
    assert mailrecords.dmarc_names("bank.test") == ["_dmarc.bank.test"]
    assert mailrecords.dmarc_names("a.news.bank.test") == [
        "_dmarc.a.news.bank.test",
        "_dmarc.news.bank.test",
        "_dmarc.bank.test",
    ]

    def judged(*answers: list[str] | None) -> findings.Finding:
        names = mailrecords.dmarc_names("news.bank.test")
        return mailrecords.judge_dmarc("news.bank.test", dict(zip(names, answers, strict=True)))

    assert judged(["v=DMARC1; p=none"], []).level is Level.OK
    assert "at _dmarc.bank.test" in judged([], ["v=DMARC1;p=reject"]).found
    assert judged(["v=DMARC1"], []).level is Level.FAIL
    assert judged(["v=DMARC1; p=none", "v=DMARC1; p=none"], []).level is Level.FAIL
    assert "no answer" in judged([], None).found
    missing = judged([], [])
    assert (missing.level, missing.found) == (Level.FAIL, "record not found")
    assert '_dmarc.news.bank.test. TXT "v=DMARC1; p=none;' in missing.remedy


def test_reverse_names() -> None:
    def judged(names: list[str] | None, forward: list[str] | None) -> Level:
        return mailrecords.judge_reverse("192.0.2.10", "mx1.bank.test", names, forward).level

    assert judged(["mx1.bank.test"], ["192.0.2.10"]) is Level.OK
    assert judged(["MX1.bank.test."], ["192.0.2.9", "192.0.2.10"]) is Level.OK
    assert judged(["host10.provider.test"], ["192.0.2.10"]) is Level.WARN
    assert judged(["mx1.bank.test"], ["192.0.2.11"]) is Level.FAIL
    assert judged([], ["192.0.2.10"]) is Level.FAIL
    assert judged(None, []) is Level.FAIL


def test_long_records_are_shown_in_strings_of_255() -> None:
    shown = mailrecords.published("a.test", "x" * 600)
    assert [len(s) for s in shown.removeprefix('a.test. TXT "').removesuffix('"').split('" "')] == [255, 255, 90]


@pytest.mark.parametrize(
    ("finding", "level"),
    [
        (findings.judge_space("disk", 90 * GB, 100 * GB), Level.OK),
        (findings.judge_space("disk", 9 * GB, 100 * GB), Level.WARN),
        (findings.judge_space("disk", GB - 1, 100 * GB), Level.FAIL),
        (findings.judge_sqlite((3, 40, 1), "ext4"), Level.OK),
        (findings.judge_sqlite((3, 51, 3), "overlay"), Level.OK),
        (findings.judge_sqlite((3, 51, 3), "nfs4"), Level.FAIL),
        (findings.judge_mode("k", "f", 0o600, secret=True), Level.OK),
        (findings.judge_mode("k", "f", 0o640, secret=True), Level.FAIL),
        (findings.judge_mode("k", "f", 0o644, secret=False), Level.WARN),
        (findings.judge_mode("k", "f", 0o666, secret=False), Level.FAIL),
        (findings.judge_open_files(65_536, 65_536), Level.OK),
        (findings.judge_open_files(1024, 65_536), Level.WARN),
        (findings.judge_open_files(256, 256), Level.FAIL),
        (findings.judge_clock(1000.0, 1001.0, "f"), Level.OK),
        (findings.judge_clock(1000.0, 1100.0, "f"), Level.WARN),
        (findings.judge_clock(1000.0, 0.0, ""), Level.OK),
        (findings.judge_certificate("c", 0, 100 * 86400, 86400), Level.OK),
        (findings.judge_certificate("c", 0, 20 * 86400, 86400), Level.WARN),
        (findings.judge_certificate("c", 0, 86400, 86400), Level.FAIL),
        (findings.judge_certificate("c", 86401, 10**9, 86400), Level.FAIL),
    ],
)
def test_the_machine(finding: findings.Finding, level: Level) -> None:
    assert finding.level is level
    assert bool(finding.remedy) == (level is not Level.OK)


@pytest.mark.parametrize(
    ("listen", "tls", "plaintext", "starts"),
    [
        ("127.0.0.1:7800", False, False, True),
        ("[::1]:7800", False, False, True),
        ("localhost:7800", False, False, True),
        ("0.0.0.0:7800", False, False, False),
        ("192.0.2.1:7800", False, False, False),
        ("192.0.2.1:7800", True, False, True),
        ("192.0.2.1:7800", False, True, True),
    ],
)
def test_an_api_outside_loopback_needs_tls(listen: str, tls: bool, plaintext: bool, starts: bool) -> None:
    assert (findings.judge_listen(listen, tls, plaintext) is None) == starts


def test_each_node_owns_the_egresses_that_name_it() -> None:
    egresses = tuple(
        EgressConfig(address=f"192.0.2.{n}", ehlo="a", node=node) for n, node in enumerate(["", "10.0.0.1", "10.0.0.2"])
    )

    def own(**ray: str) -> list[str]:
        return [e.address for e in Config(egresses=egresses, ray=RayConfig(**ray)).own_egresses]  # type: ignore[arg-type]

    assert own() == ["192.0.2.0"]
    assert own(node_ip="10.0.0.1") == ["192.0.2.0", "192.0.2.1"]
    assert own(node_ip="10.0.0.2", address="10.0.0.1:6379") == ["192.0.2.2"]
