"""Barcodes: Code 39 (ISO/IEC 16388), Code 128 (ISO/IEC 15417) and EAN-13 (ISO/IEC 15420), up to three below one another.

The bars are python-barcode's; the text below them is what a person types in where a scanner fails.
"""

import io
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw, ImageFont

KINDS: Final = {
    "code39": re.compile(r"[0-9A-Z \-.$/+%]{1,48}"),
    "code128": re.compile(r"[ -~]{1,48}"),
    "ean13": re.compile(r"[0-9]{12,13}"),
}
MAX_LINES: Final = 3
MAX_HEIGHT: Final = 300

_MODULE: Final = 2  # pixels of the narrowest bar
_QUIET: Final = 10  # modules of background that readers need on both sides
_FONT: Final = 16
_GAP: Final = 8  # pixels around texts and between lines


def check_digit(digits: str) -> str:
    """The last digit of an EAN-13, from the first twelve."""
    weighted = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits[:12]))
    return str(-weighted % 10)


def drawn(kind: str, lines: Sequence[str], height: int) -> bytes:
    """A PNG of the lines; each has `height` pixels of bars."""
    bars = [_bars(kind, line) for line in lines]
    width = (max(map(len, bars)) + 2 * _QUIET) * _MODULE
    step = height + _FONT + 3 * _GAP
    picture = Image.new("1", (width, step * len(lines) + _GAP), 1)
    draw = ImageDraw.Draw(picture)
    draw.fontmode = "1"
    for number, (line, bits) in enumerate(zip(lines, bars, strict=True)):
        top = _GAP + number * step
        left = (width - len(bits) * _MODULE) // 2
        for match in re.finditer("1+", bits):
            draw.rectangle((left + match.start() * _MODULE, top, left + match.end() * _MODULE - 1, top + height - 1), 0)
        shown = line[:12] + check_digit(line) if kind == "ean13" else line
        draw.text((width / 2, top + height + _GAP), shown, 0, _font(), anchor="ma")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _bars(kind: str, text: str) -> str:
    """1 for a dark module, 0 for a light one."""
    from barcode import EAN13, Code39, Code128

    makers = {
        "code39": lambda: Code39(text, add_checksum=False),
        "code128": lambda: Code128(text),
        "ean13": lambda: EAN13(text[:12]),
    }
    bars: str = makers[kind]().build()[0]
    return bars


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_FONT)
