"""PDF files: encrypted copies through pikepdf (qpdf), pages from HTML through WeasyPrint. Both come with the extra `pdf`.

Pages are drawn from the bundle alone: WeasyPrint asks `files` for everything, and nothing else is opened or connected to.
"""

import io
import logging
from collections import OrderedDict
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final
from urllib.parse import quote, unquote

MISSING: Final = "needs the extra `pdf`: pip install 'hongyan[pdf]'"
BASE: Final = "https://bundle.invalid/"  # stands for the bundle's folder (RFC 6761: never a real host); nothing connects to it
MAX_OPEN: Final = 16  # parsed files kept for the next rows

_open: OrderedDict[bytes, Any] = OrderedDict()


def missing(draws: bool) -> str:
    """Which package is not there; `draws`: pages are to be made, not only encrypted."""
    for name in ("pikepdf", *(("weasyprint",) if draws else ())):
        try:
            import_module(name)
        except (ImportError, OSError) as error:  # OSError: WeasyPrint without Pango
            return MISSING if isinstance(error, ImportError) else "needs the library Pango (Debian: libpangoft2-1.0-0)"
    return ""


def encrypted(data: bytes, password: str) -> bytes:
    """The file with AES-256 (revision 6), opened by the password alone. Raises ValueError where it is no PDF or has a password
    already. Salts and vectors are drawn anew each time: the same call gives other bytes."""
    import pikepdf

    if not password:
        raise ValueError("the password is empty")
    file = _open.pop(data, None)
    try:
        if file is None:
            file = pikepdf.open(io.BytesIO(data))
        out = io.BytesIO()
        file.save(out, encryption=pikepdf.Encryption(user=password, owner=password, R=6))
    except pikepdf.PasswordError:
        raise ValueError("has a password already") from None
    except pikepdf.PdfError:
        raise ValueError("is no PDF that can be read") from None
    _open[data] = file
    if len(_open) > MAX_OPEN:
        _open.popitem(last=False)[1].close()
    return out.getvalue()


def pages(html: str, path: str, files: Callable[[str], bytes]) -> bytes:
    """The pages of an HTML text that lies at a bundle path. `files` gives what it refers to, by bundle path or `cid:` URL, or
    raises FileNotFoundError. Raises ValueError where it asks for anything else or has characters that no font draws."""
    import weasyprint
    from weasyprint.urls import FatalURLFetchingError, URLFetcherResponse

    class Refused(FatalURLFetchingError):  # type: ignore[misc]  # ends the drawing: WeasyPrint would leave the picture out
        pass

    def fetch(url: str, *_: object, **__: object) -> Any:
        try:
            if url.startswith("cid:"):
                return URLFetcherResponse(url, files(url))
            if url.startswith(BASE):
                return URLFetcherResponse(url, files(unquote(url.removeprefix(BASE).partition("?")[0].partition("#")[0])))
        except (FileNotFoundError, ValueError):
            pass
        raise Refused

    with _Warnings() as warnings:
        try:
            data: bytes = weasyprint.HTML(string=html, base_url=BASE + quote(path), url_fetcher=fetch).write_pdf()
        except Refused:
            raise ValueError("refers to something that is not in the bundle") from None
    if warnings.glyphs:
        raise ValueError(
            "has characters that no font draws: install one (Debian: fonts-noto-cjk) or name one of the bundle in @font-face"
        )
    return data


class _Warnings(logging.Handler):
    """What WeasyPrint complains of while the block runs. Its texts quote the page, so they go nowhere else."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.glyphs = False

    def emit(self, record: logging.LogRecord) -> None:
        self.glyphs |= str(record.msg).startswith(".notdef glyph")

    def __enter__(self) -> "_Warnings":
        logger = logging.getLogger("weasyprint")
        logger.propagate = False
        logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("weasyprint").removeHandler(self)
