"""Job ids: adapter over the operating system's random numbers. 48 bits of time, 80 bits of chance, in Crockford's base
32.
"""

import hashlib
import os

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ID_CHARS = 26


def encode_id(milliseconds: int, chance: bytes) -> str:
    """26 characters that sort by time; `chance` is 10 bytes."""
    number = (milliseconds << 80) | int.from_bytes(chance)
    return "".join(ALPHABET[(number >> (5 * i)) & 31] for i in reversed(range(ID_CHARS)))


def new_job_id(now: float, payload_hash: str) -> str:
    """An id that no other job has, not even of the same bundle."""
    return encode_id(int(now * 1000), os.urandom(10))


def repeatable_id(now: float, payload_hash: str) -> str:
    """The same for the same bundle and time: its mails then have the same Message-IDs, because they are the same mails."""
    return encode_id(int(now * 1000), hashlib.sha256(payload_hash.encode()).digest()[:10])
