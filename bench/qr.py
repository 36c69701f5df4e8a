"""QR pictures a second on one core, beside the `qrcode` package making PNG bytes of the same size for the same texts.

Both draw the same modules, which is checked first. Distinct texts as a mailing has them: links of members, 40 to 60 characters.
"""

import io
import random
import time
from typing import Any, Final

import numpy as np

from actors.renderer.media.png import pictures
from actors.renderer.media.qr import symbols
from actors.renderer.media.qr_standard import LEVELS

ROWS, QUICK_ROWS = 20_000, 4_000
SHARD: Final = 256  # about what a sender asks for at once
PEER_ROWS: Final = 60  # the peer needs 5 to 10 ms for one
REPEATS: Final = 3
LEVEL, BOX, QUIET = "M", 8, 4
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def links(rows: int) -> list[str]:
    """Half as people write them, half in the capitals that make smaller codes."""
    chance = random.Random(7)
    kinds = ("c", "coupon", "member")
    found = [
        f"https://m.bank.test/{chance.choice(kinds)}/{chance.randrange(10**10):010}/{chance.getrandbits(48):012x}"
        for _ in range(rows)
    ]
    return [link.upper() if i % 2 else link for i, link in enumerate(found)]


def run(quick: bool) -> dict[str, Any]:
    """Rates of the best run of each side, in seconds of this process's own time."""
    from qrcode import QRCode

    texts = links(QUICK_ROWS if quick else ROWS)

    def peer(text: str) -> QRCode:
        code = QRCode(error_correction=LEVELS[LEVEL], box_size=BOX, border=QUIET)
        code.add_data(text)
        code.make()
        return code

    _compare(texts[:10], [peer(text) for text in texts[:10]])
    rate = max(_timed(lambda: _ours(texts), len(texts)) for _ in range(REPEATS))
    some = texts[:PEER_ROWS]
    peer_rate = max(
        _timed(lambda: [peer(text).make_image().save(io.BytesIO()) for text in some], len(some)) for _ in range(REPEATS)
    )
    return {
        "case": "qr",
        "rate": round(rate),
        "unit": "PNGs/s",
        "peer": "qrcode",
        "peer_rate": round(peer_rate, 1),
        "ratio": round(rate / peer_rate, 1),
    }


def _ours(texts: list[str]) -> None:
    for start in range(0, len(texts), SHARD):
        for _, _, modules in symbols(texts[start : start + SHARD], LEVEL):
            pictures(modules, BOX, QUIET, BLACK, WHITE)


def _timed(work: Any, rows: int) -> float:
    start = time.process_time()
    work()
    return rows / (time.process_time() - start)


def _compare(texts: list[str], theirs: list[Any]) -> None:
    for _, places, modules in symbols(texts, LEVEL):
        for place, ours in zip(places, modules, strict=True):
            if not np.array_equal(ours, np.array(theirs[place].modules, np.uint8)):
                raise RuntimeError("the two draw different modules")
