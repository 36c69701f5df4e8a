"""How OpenSSL signs fastest is measured; what comes of it are the same signatures."""

import os
import subprocess
import sys

import pytest

from cluster import arithmetic
from cluster.arithmetic import VARIABLE, WITHOUT_ADX, choose, fastest_signing, has_choice

SIGN = """
import sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
key = serialization.load_pem_private_key(sys.stdin.buffer.read(), None)
sys.stdout.buffer.write(key.sign(b"hongyan", padding.PKCS1v15(), hashes.SHA256()))
"""


@pytest.fixture
def measured_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(arithmetic, "_flags", lambda: {"adx", "avx2"})
    monkeypatch.setattr(arithmetic, "fastest_signing", fastest_signing.__wrapped__)


def test_only_a_processor_with_both_ways_and_no_better_one_is_measured() -> None:
    assert has_choice({"adx", "avx2", "bmi2"})
    assert not has_choice({"avx2"})
    assert not has_choice({"adx"})
    assert not has_choice({"adx", "avx2", "avx512ifma"})
    assert not has_choice(set())


def test_a_clear_gain_is_taken_and_noise_is_not() -> None:
    assert choose(1000e-6, 700e-6) == {VARIABLE: WITHOUT_ADX}
    assert choose(1000e-6, 950e-6) == {}
    assert choose(700e-6, 1000e-6) == {}


@pytest.mark.usefixtures("measured_anew")
def test_both_ways_are_measured_in_processes_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[float] = []
    monkeypatch.setattr(arithmetic, "choose", lambda *seconds: measured.extend(seconds) or {})
    assert arithmetic.fastest_signing() == {}
    assert len(measured) == 2
    assert all(1e-5 < seconds < 1 for seconds in measured)


@pytest.mark.usefixtures("measured_anew")
def test_an_operators_own_value_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "~0x200000200000000")
    monkeypatch.setattr(arithmetic, "_measure", lambda *_: pytest.fail("measured"))
    assert arithmetic.fastest_signing() == {}


@pytest.mark.usefixtures("measured_anew")
def test_what_cannot_be_measured_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "CHILD", "raise SystemExit(1)")
    assert arithmetic.fastest_signing() == {}


def test_the_signature_is_the_same_in_either_way() -> None:
    pem = arithmetic._key()
    signatures = {
        subprocess.run([sys.executable, "-c", SIGN], input=pem, env=os.environ | more, capture_output=True, check=True).stdout
        for more in ({}, {VARIABLE: WITHOUT_ADX})
    }
    assert len(signatures) == 1
    assert len(signatures.pop()) == 256
