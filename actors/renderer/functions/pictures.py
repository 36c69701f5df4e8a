"""Pictures of one message: QR codes, barcodes, images of the bundle. Each call gives a `cid:` URL for `src`."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import text as text_of
from actors.renderer.functions.inputs import whole
from actors.renderer.functions.registry import SETTINGS, scalar
from actors.renderer.media.bars import KINDS, MAX_HEIGHT, MAX_LINES, check_digit

FAMILY = "Pictures"
MAX_BOX: Final = 20  # pixels a module; a picture has 2,000 a side at most
MAX_QUIET: Final = 20
MAX_CHARS: Final = 7_089  # the largest code holds so many digits

_HEX: Final = frozenset("0123456789abcdefABCDEF")
_URL_MODE: Final = "mode 'url' needs the server for open-time pictures, which does not exist yet; use mode='cid'"


def colour(value: Any, function: str, argument: str) -> tuple[int, int, int]:
    """`#rrggbb` or `#rgb`."""
    digits = value[1:] if isinstance(value, str) and value.startswith("#") else ""
    if len(digits) == 3:
        digits = "".join(2 * d for d in digits)
    if len(digits) != 6 or not _HEX.issuperset(digits):
        raise Refused(function, argument, "is no colour such as #1a2b3c")
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


@lru_cache(maxsize=256)
def _qr_settings(ec: Any, size: Any, mode: Any, quiet: Any, dark: Any, light: Any, logo: Any) -> tuple[Any, ...]:
    if mode == "url":
        raise Refused("qr", _URL_MODE, "")
    if mode != "cid":
        raise Refused("qr", "mode", "is neither 'cid' nor 'url'")
    if ec not in ("L", "M", "Q", "H"):
        raise Refused("qr", "ec", "is none of L, M, Q, H")
    if logo is not None and ec != "H":
        raise Refused("qr", "ec", "must be 'H' where there is a logo: it hides modules")
    box, margin = whole(size, "qr", "size", 1, MAX_BOX), whole(quiet, "qr", "quiet", 0, MAX_QUIET)
    front, back = colour(dark, "qr", "dark"), colour(light, "qr", "light")
    if _luminance(back) - _luminance(front) < 100:
        raise Refused("qr", "dark", "is not dark enough on `light` for a camera")
    path = "" if logo is None else text_of(logo, "qr", "logo")
    return ec, box, margin, front, back, path


def _luminance(rgb: tuple[int, int, int]) -> float:
    """ITU-R BT.601, 0 to 255."""
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]


@scalar(
    FAMILY,
    "qr('https://bank.test/m/1')",
    "cid:d.19155950eb2316a8d4af@job",
    kind="R",
    needed=("text",),
)
def qr(
    job: Context,
    text: str,
    ec: str = "M",
    size: int = 8,
    mode: str = "cid",
    quiet: int = 4,
    dark: str = "#000000",
    light: str = "#ffffff",
    logo: str | None = None,
) -> str:
    """URL of a QR code picture that goes with the message: `<img src="{{ qr(link) }}" alt="...">`. ec: L, M, Q or H; size:
    pixels a module; quiet: modules of background around; logo: an image of the bundle in the middle (needs ec='H')."""
    settings = _qr_settings(ec, size, mode, quiet, dark, light, logo)
    content = text_of(text, "qr", "text")
    if not content or len(content) > MAX_CHARS or not _encodes(content):
        raise Refused("qr", "text", f"is empty, longer than {MAX_CHARS} characters or no text")
    return job.enclosures.picture(job.job, "qr", content, settings)


@scalar(FAMILY, "barcode('/ABC1234', 'code39')", "cid:d.9f343fdcd71740bdc142@job", kind="R", needed=("text",))
def barcode(job: Context, text: Any, type: str = "code128", h: int = 60) -> str:
    """URL of a barcode picture that goes with the message, its text below. type: code39, code128 or ean13 (12 digits, or
    13 with a right check digit); h: pixels of the bars. A list of up to three texts is drawn as lines below one another."""
    lines = list(text) if isinstance(text, list | tuple) else [text]
    kind = _bar_settings(type, h)
    if not 1 <= len(lines) <= MAX_LINES:
        raise Refused("barcode", "text", f"has more than {MAX_LINES} lines or none")
    words = tuple(text_of(line, "barcode", "text") for line in lines)
    if not all(map(KINDS[kind].fullmatch, words)):
        raise Refused("barcode", "text", f"is too long or has characters that {kind} does not have")
    if kind == "ean13" and any(len(word) == 13 and word[12] != check_digit(word) for word in words):
        raise Refused("barcode", "text", "has a wrong check digit")
    return job.enclosures.picture(job.job, "barcode", kind, words, h)


def _bar_settings(kind: Any, height: Any) -> str:
    if not isinstance(kind, str) or kind not in KINDS:
        raise Refused("barcode", "type", f"is none of {', '.join(KINDS)}")
    whole(height, "barcode", "h", 10, MAX_HEIGHT)
    return kind


@scalar(FAMILY, "img_attach('images/' ~ 'gold' ~ '.png')", "cid:d.84fc966ca5f0de7c3f66@job", kind="D")
def img_attach(job: Context, name: str) -> str:
    """URL of an image of the bundle that goes with the message; its name may differ from row to row."""
    return job.enclosures.picture(job.job, "file", text_of(name, "img_attach", "name").strip(" "))


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _qr_problem(job: Context, given: Mapping[str, Any]) -> str:
    order = ("ec", "size", "mode", "quiet", "dark", "light", "logo")
    defaults = ("M", 8, "cid", 4, "#000000", "#ffffff", None)
    try:
        _qr_settings(*(given.get(name, default) for name, default in zip(order, defaults, strict=True)))
    except Refused as error:
        return str(error).strip()
    return missing_file(job, "qr", given.get("logo"))


def missing_file(job: Context, function: str, path: Any) -> str:
    """What is wrong with a bundle path that a template writes down."""
    if path is None or job.bundle is None or path in job.bundle:
        return ""
    return f"{function}: the file {path!r} is not in the bundle"


def _bar_problem(job: Context, given: Mapping[str, Any]) -> str:
    try:
        _bar_settings(given.get("type", "code128"), given.get("h", 60))
    except Refused as error:
        return str(error)
    return ""


SETTINGS["qr"] = _qr_problem
SETTINGS["barcode"] = _bar_problem
SETTINGS["img_attach"] = lambda job, given: missing_file(job, "img_attach", given.get("name"))
