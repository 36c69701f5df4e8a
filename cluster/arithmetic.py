"""How OpenSSL signs fastest on this processor: measured, and given to processes by their environment.

Where a processor has ADX, OpenSSL takes it for RSA and passes over its code for AVX2. On some processors (AMD Zen 3) that other
code signs 1.3 times as fast. OPENSSL_ia32cap(3) says so to a process before it loads the library.
"""

import functools
import logging
import os
import subprocess
import sys
from pathlib import Path

log = logging.getLogger(__name__)

VARIABLE = "OPENSSL_ia32cap"
WITHOUT_ADX = ":~0x80000"  # bit 19 of EBX, CPUID leaf 7
OWN_CODE = {"avx512ifma", "avx_ifma"}  # with one of them OpenSSL has faster code, whatever ADX
WORTH = 0.9  # of the time by itself: less of a gain may be noise
CHILD_SECONDS = 20.0
# Prints the median time of a few RSA-2048 signatures, in seconds. A process of its own: the library looks once, when loaded.
CHILD = """
import statistics, sys, time
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
key = serialization.load_pem_private_key(sys.stdin.buffer.read(), None)
def once():
    start = time.perf_counter()
    key.sign(b"hongyan", padding.PKCS1v15(), hashes.SHA256())
    return time.perf_counter() - start
print(statistics.median(once() for _ in range(60)))
"""


@functools.cache
def fastest_signing() -> dict[str, str]:
    """What to add to the environment of processes that sign: nothing, or OPENSSL_ia32cap. An operator's own value stays."""
    if VARIABLE in os.environ or not has_choice(_flags()):
        return {}
    try:
        pem = _key()
        by_itself, without = _measure({}, pem), _measure({VARIABLE: WITHOUT_ADX}, pem)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        log.warning("signing was not measured: %s", type(error).__name__)
        return {}
    log.info("a signature takes %.0f us with ADX, %.0f us with AVX2", by_itself * 1e6, without * 1e6)
    return choose(by_itself, without)


def has_choice(flags: set[str]) -> bool:
    """Whether OpenSSL has both ways on a processor with these flags."""
    return {"adx", "avx2"} <= flags and not flags & OWN_CODE


def choose(by_itself: float, without_adx: float) -> dict[str, str]:
    """Seconds a signature -> what to add to the environment."""
    return {VARIABLE: WITHOUT_ADX} if without_adx < by_itself * WORTH else {}


def _flags() -> set[str]:
    """The first processor's, as Linux names them; none elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return next((set(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), set())


def _key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forms = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*forms)


def _measure(environment: dict[str, str], pem: bytes) -> float:
    command = [sys.executable, "-c", CHILD]
    done = subprocess.run(
        command, input=pem, env=os.environ | environment, capture_output=True, timeout=CHILD_SECONDS, check=True
    )
    return float(done.stdout)
