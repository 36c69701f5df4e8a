"""QR codes: every module as the `qrcode` package draws it, pictures as Pillow, zlib and a real decoder read them."""

import io
import random
import zlib

import numpy as np
import pytest
import qrcode
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from qrcode import base, util

from actors.renderer.media import deflate, qr_data
from actors.renderer.media.logo import logo, side
from actors.renderer.media.png import MAX_SIDE, pictures
from actors.renderer.media.qr import symbols
from actors.renderer.media.qr_data import MAX_BYTES
from actors.renderer.media.qr_masks import pack, penalties, segments
from actors.renderer.media.qr_standard import LEVELS, VERSIONS, alignment, blocks
from tests.examples import examples
from tests.unit.zbar import decoded

levels = st.sampled_from("LMQH")
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
# What splits into segments and what nearly does: digits, the 45 characters, and everything else, in runs around 20.
runs = st.one_of(
    st.text("0123456789", max_size=45),
    st.text("ABCXYZ019 $%*+-./:", max_size=45),
    st.text(st.characters(codec="utf-8"), max_size=25),
    st.just("\n"),
)
texts = st.lists(runs, max_size=4).map("".join)


def oracle(text: str, level: str, least: int = 1) -> np.ndarray:
    code = qrcode.QRCode(version=least, error_correction=LEVELS[level])
    code.add_data(text)
    code.make()
    return np.array(code.modules, np.uint8)


def drawn(given_texts: list[str], level: str, least: int = 1) -> list[np.ndarray]:
    found: dict[int, np.ndarray] = {}
    for _, places, modules in symbols(given_texts, level, least):
        found |= dict(zip(places, modules, strict=True))
    return [found[i] for i in range(len(given_texts))]


def test_tables_are_those_of_qrcode() -> None:
    for version in VERSIONS:
        assert alignment(version) == util.pattern_position(version)
        for level, number in LEVELS.items():
            theirs = [(b.data_count, b.total_count - b.data_count) for b in base.rs_blocks(version, number)]
            ours = blocks(version, level)
            assert [(size, ours.correction) for size in ours.data] == theirs


@given(st.lists(texts, min_size=1, max_size=2), levels, st.sampled_from([1, 1, 1, 7, 10]))
@settings(max_examples=examples(15))
def test_modules_are_those_of_qrcode(given_texts: list[str], level: str, least: int) -> None:
    for text, modules in zip(given_texts, drawn(given_texts, level, least), strict=True):
        assert np.array_equal(modules, oracle(text, level, least))


@pytest.mark.parametrize("version", [12, 27])
def test_modules_of_large_versions(version: int) -> None:
    assert np.array_equal(drawn([f"version {version}"], "Q", version)[0], oracle(f"version {version}", "Q", version))


@pytest.mark.deep
@given(texts.map(lambda t: (t * 5)[:400]), levels, st.sampled_from(VERSIONS))
@settings(max_examples=500)
def test_modules_of_every_version(text: str, level: str, least: int) -> None:
    assert np.array_equal(drawn([text], level, least)[0], oracle(text, level, least))


@pytest.mark.parametrize("size", [21, 29, 33, 61, 65, 117, 177])
def test_penalty_is_that_of_qrcode(size: int) -> None:
    """Random modules are dark or light in patches, so that runs, squares and finders are common."""
    chance = np.random.default_rng(size)
    modules = np.repeat(chance.random((4, size, size)) < [[[0.5]], [[0.1]], [[0.9]], [[0.5]]], 3, axis=1)[:, :size]
    modules[3, :, 4:15] = modules[3, 4:15] = 1
    modules[3, ::3, 4:15] = [1, 0, 1, 1, 1, 0, 1, 0, 0, 0, 0]
    modules[3, 4:15, ::2] = np.array([0, 0, 0, 0, 1, 0, 1, 1, 1, 0, 1])[:, None]
    cut = segments(size)
    wide = np.zeros((4, size, len(cut.starts) * cut.stride + cut.bits), np.uint8)
    wide[:, :, :size] = modules
    words = [pack(wide[:, :, s * cut.stride :][..., : cut.bits].copy(), cut.word) for s in range(len(cut.starts))]
    ours = penalties(cut, size, np.stack(words, axis=2).transpose(1, 2, 0))
    assert ours.tolist() == [util.lost_point(m.tolist()) for m in modules.astype(bool)]


def test_a_shard_is_as_its_texts_alone() -> None:
    chance = random.Random(3)
    many = ["".join(chance.choices("aB1:/", k=chance.randrange(1, 90))) for _ in range(300)]
    together = drawn(many, "M")
    for at in (0, 1, 128, 299):
        assert np.array_equal(together[at], drawn([many[at]], "M")[0])


def test_too_long_for_any_version() -> None:
    ((version, places, modules),) = symbols(["1" * (MAX_BYTES + 1)], "L")
    assert (version, places, modules.size) == (41, [0], 0)
    assert [v for v, _, _ in symbols(["1" * MAX_BYTES], "L")] == [40]


def test_what_is_too_long_for_any_version_is_not_packed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qr_data, "_packed", lambda *_: pytest.fail("packed"))
    assert [v for v, _, _ in symbols(["1" * 1_000_000, "x" * 1_000_000], "H")] == [41]


@pytest.mark.parametrize("box", [1, 2, 3, 4, 5, 6, 8, 10, 12, 16])
def test_pictures_have_the_modules(box: int) -> None:
    modules = np.stack(drawn(["https://a.test/1", "https://a.test/2"], "M"))
    dark, light = (20, 40, 160), (250, 240, 230)
    for quiet in (0, 1, 4):
        for symbol, data in zip(modules, pictures(modules, box, quiet, dark, light), strict=True):
            with Image.open(io.BytesIO(data)) as picture:
                pixels = np.array(picture.convert("RGB"))
            grown = np.kron(np.pad(symbol, quiet), np.ones((box, box), np.uint8))
            assert np.array_equal(pixels, np.array([light, dark], np.uint8)[grown])


def test_pictures_are_readable() -> None:
    member = [f"https://會員.test/m?id={n}&t=優惠券" for n in range(3)]
    upper = ["HTTPS://SHOP.TEST/M/0000123456", "9" * 40, "x" * 300]
    for level, box, quiet in (("L", 2, 4), ("M", 3, 4), ("Q", 8, 4), ("H", 10, 2)):
        made = [pictures(m[None], box, quiet, BLACK, WHITE)[0] for m in drawn(member + upper, level)]
        assert decoded(made) == member + upper


def image(width: int, height: int, mode: str = "RGBA") -> bytes:
    """A picture of many colours, transparent at its corners."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    inside = (x - width / 2) ** 2 / width**2 + (y - height / 2) ** 2 / height**2 < 0.25
    pixels = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256, inside * 255], axis=2).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels, "RGBA").convert(mode).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(("box", "text"), [(1, "x"), (4, "https://bank.test/m/0001"), (9, "y" * 120)])
def test_a_logo_lies_in_the_middle_and_the_code_stays_readable(box: int, text: str) -> None:
    symbol = drawn([text], "H")[0]
    size = len(symbol)
    mark = logo(image(300, 200), side(size), box, WHITE)
    data = pictures(symbol[None], box, 4, BLACK, WHITE, mark)[0]
    with Image.open(io.BytesIO(data)) as picture:
        pixels = np.array(picture.convert("RGB"))
    grown = np.kron(np.pad(symbol, 4), np.ones((box, box), np.uint8))
    start = (4 + (size - mark.side) // 2) * box
    covered = slice(start, start + mark.side * box)
    palette = np.frombuffer(mark.palette, np.uint8).reshape(-1, 3)
    indices = np.frombuffer(mark.pixels, np.uint8).reshape(mark.side * box, -1)
    assert np.array_equal(pixels[covered, covered], palette[indices - 2])
    pixels[covered, covered] = (1 - grown[covered, covered, None]) * 255
    assert np.array_equal(pixels, np.array([WHITE, BLACK], np.uint8)[grown])
    if box > 1:
        assert decoded([data]) == [text]


@pytest.mark.parametrize("data", [b"", b"<svg/>", image(50, 50)[:200], image(2001, 2000, "L")])
def test_a_logo_must_be_a_picture_of_bounded_size(data: bytes) -> None:
    with pytest.raises(ValueError, match="the logo"):
        logo(data, 5, 8, WHITE)


def test_half_a_logo_is_none_whatever_was_drawn_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as WeasyPrint leaves it
    with pytest.raises(ValueError, match="the logo"):
        logo(image(51, 50)[:200], 5, 8, WHITE)


def test_a_picture_has_a_largest_side() -> None:
    modules = np.stack(drawn(["x"], "M"))
    largest = MAX_SIDE // 29
    assert pictures(modules, largest, 4, BLACK, WHITE)
    with pytest.raises(ValueError, match="2000 pixels"):
        pictures(modules, largest + 1, 4, BLACK, WHITE)


tokens = st.lists(
    st.one_of(
        st.integers(0, 255).map(deflate.Byte),
        st.integers(0, 19).map(deflate.Module),
        st.tuples(st.integers(3, 258), st.integers(1, 40_000)).map(lambda t: deflate.Copy(*t)),
    ),
    max_size=60,
)


@settings(max_examples=examples(40))
@given(tokens, st.lists(st.lists(st.integers(0, 1), min_size=20, max_size=20), min_size=1, max_size=3), st.integers(1, 255))
def test_streams_are_what_zlib_reads(made: list[deflate.Token], rows: list[list[int]], dark: int) -> None:
    kept: list[deflate.Token] = []
    size = 0
    for token in made:
        if isinstance(token, deflate.Byte) and 0 < token.value < dark:
            token = deflate.Byte(dark)
        if isinstance(token, deflate.Copy):
            if not size:
                continue
            token = deflate.Copy(token.length, 1 + (token.distance - 1) % min(size, deflate.MAX_DISTANCE))
        kept.append(token)
        size += token.length if isinstance(token, deflate.Copy) else 1
    streams = deflate.layout(kept, dark, 20).fill(np.array(rows, np.uint8))
    for modules, stream in zip(rows, streams, strict=True):
        expected = bytearray()
        for token in kept:
            if isinstance(token, deflate.Copy):
                for _ in range(token.length):
                    expected.append(expected[-token.distance])
            else:
                expected.append(token.value if isinstance(token, deflate.Byte) else dark * modules[token.number])
        assert zlib.decompress(stream.tobytes()) == expected
