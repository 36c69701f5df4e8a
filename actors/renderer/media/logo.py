"""The image in the middle of QR codes: read, made square on the background, and brought to a few colours.

It covers a quarter of a side at most, six modules in a hundred, which level H makes good several times over.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from PIL import Image, ImageFile, UnidentifiedImageError

MAX_PIXELS: Final = 4_000_000  # of the file: decoding must stay small
COLOURS: Final = 254  # besides dark and light
_FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP")

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Logo:
    """`side` modules square; `pixels` are indices into dark, light and `palette`, from 2 on, row after row."""

    side: int
    pixels: bytes
    palette: bytes


def side(size: int) -> int:
    """Modules that it takes of a symbol's side: odd as that is, so that it lies in the middle."""
    quarter = size // 4
    return quarter if quarter % 2 else quarter - 1


@contextmanager
def _whole_files() -> Iterator[None]:
    """A file that ends too soon is no picture, also where WeasyPrint, once imported, has told Pillow otherwise."""
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


@lru_cache(maxsize=64)
def logo(data: bytes, modules: int, box: int, light: Colour) -> Logo:
    """The image of a file. Raises ValueError where it is none, or too large."""
    edge = modules * box
    try:
        with _whole_files(), Image.open(io.BytesIO(data), formats=_FORMATS) as file:
            if file.width * file.height > MAX_PIXELS:
                raise ValueError(f"the logo has more than {MAX_PIXELS:,} pixels")
            picture = file.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):
        raise ValueError("the logo is no PNG, JPEG, GIF or WebP picture") from None
    margin = max(1, box // 2)
    picture.thumbnail((edge - 2 * margin, edge - 2 * margin), Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (edge, edge), (*light, 255))
    square.alpha_composite(picture, ((edge - picture.width) // 2, (edge - picture.height) // 2))
    few = square.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    palette = bytes(few.getpalette() or ())[: 3 * COLOURS]
    return Logo(modules, bytes(index + 2 for index in few.tobytes()), palette)
