"""The newsletter's pictures, drawn with Pillow: a banner with wild geese before the evening sky, and a logo. Few colours keep
them small: every mail carries them."""

import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

BANNER = (600, 180)
LOGO = (96, 96)
DUSK = ((16, 42, 82), (233, 150, 98))  # top and bottom of the sky
COLOURS = 48
SCALE = 3  # drawn larger and reduced: smooth edges

# A formation as seen from below: the leader, then two lines behind it (x, y, size).
GEESE = (
    (300, 48, 26),
    (262, 66, 22),
    (340, 64, 22),
    (226, 84, 19),
    (378, 82, 19),
    (192, 102, 16),
    (414, 99, 16),
    (160, 119, 13),
)


def draw_banner(file: Path) -> None:
    image = _sky(BANNER[0] * SCALE, BANNER[1] * SCALE)
    draw = ImageDraw.Draw(image)
    _hills(draw, image.size)
    for x, y, size in GEESE:
        _goose(draw, (x + 120) * SCALE, y * SCALE, size * SCALE, (250, 246, 236))
    _text(draw, (28, 40), "HONGYAN BANK", 30)
    _text(draw, (30, 82), "Member letter  ·  December 2026", 15)
    _save(image, BANNER, file)


def draw_logo(file: Path) -> None:
    side = LOGO[0] * SCALE
    image = Image.new("RGB", (side, side), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, side - 1, side - 1), radius=side // 5, fill=DUSK[0])
    _goose(draw, side * 0.5, side * 0.42, side * 0.34, (245, 196, 120))
    _goose(draw, side * 0.5, side * 0.66, side * 0.2, (250, 246, 236))
    _save(image, LOGO, file)


def _sky(width: int, height: int) -> Image.Image:
    """A gradient from top to bottom."""
    column = Image.new("RGB", (1, height))
    for y in range(height):
        part = (y / (height - 1)) ** 1.4
        column.putpixel((0, y), tuple(round(a + (b - a) * part) for a, b in zip(*DUSK, strict=True)))
    return column.resize((width, height))


def _hills(draw: ImageDraw.ImageDraw, size: tuple[int, int]) -> None:
    width, height = size
    for depth, colour in enumerate(((86, 66, 96), (48, 44, 80), (22, 30, 60))):
        level = height * (0.80 + 0.06 * depth)
        wave = [
            (
                x,
                level
                + height * 0.05 * math.sin(x / width * (7 - depth) + depth * 2)
                + height * 0.02 * math.sin(x / width * 23),
            )
            for x in range(0, width + 1, 12)
        ]
        draw.polygon([*wave, (width, height), (0, height)], fill=colour)


def _goose(draw: ImageDraw.ImageDraw, x: float, y: float, size: float, colour: tuple[int, int, int]) -> None:
    """Two wings and a body."""
    for side in (-1, 1):
        tip, bend = (x + side * size, y - size * 0.28), (x + side * size * 0.45, y - size * 0.42)
        draw.polygon(
            [(x, y - size * 0.10), bend, tip, (x + side * size * 0.45, y - size * 0.22), (x, y + size * 0.12)], fill=colour
        )
    draw.ellipse((x - size * 0.09, y - size * 0.30, x + size * 0.09, y + size * 0.34), fill=colour)


def _text(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int) -> None:
    font = ImageFont.load_default(size * SCALE)
    draw.text((place[0] * SCALE, place[1] * SCALE), text, fill=(250, 246, 236), font=font)


def _save(image: Image.Image, size: tuple[int, int], file: Path) -> None:
    small = image.resize(size, Image.Resampling.LANCZOS)
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
