"""Names that clients choose: upload ids and paths inside an upload. Pure rules; whatever passes is safe as a vault path.

Everything here is refused rather than repaired: two spellings of one file would be two files.
"""

import re
import unicodedata

from actors.model.errors import InvalidInput, Problem

UPLOAD_SHAPE = re.compile(r"[A-Za-z0-9_-]{8,64}")
MAX_PATH_BYTES = 900  # S3 keys end at 1024 bytes, and the upload's folder stands before it
MAX_PART_BYTES = 200  # file systems end at 255, and drafts get a longer name
MAX_DEPTH = 16  # no bundle is deeper; keeps folder checks short


def upload_folder(account: str, upload: str) -> str:
    """Vault folder of an upload."""
    return f"uploads/{account}/{upload}"


def check_upload(upload: str) -> None:
    """InvalidInput unless `upload` has the shape of an upload id."""
    if not UPLOAD_SHAPE.fullmatch(upload):
        raise InvalidInput((Problem("request", "is 8 to 64 of letters, digits, - and _", column="upload_id"),))


def check_path(path: str) -> None:
    """InvalidInput unless `path` names a file inside an upload."""
    if why := _path_fault(path):
        raise InvalidInput((Problem("request", f"path {_shown(path)}: {why}", column="path"),))


def _path_fault(path: str) -> str:
    parts = path.split("/")
    if not path or path.startswith("/"):
        return "must be relative and not empty"
    if len(path.encode()) > MAX_PATH_BYTES or any(len(p.encode()) > MAX_PART_BYTES for p in parts):
        return f"may have {MAX_PATH_BYTES} bytes in all and {MAX_PART_BYTES} in one part"
    if len(parts) > MAX_DEPTH:
        return f"may be {MAX_DEPTH} folders deep"
    if any(p != p.strip() or p.startswith(".") or p.endswith(".") or not p for p in parts):
        return "no part may be empty, begin or end with a dot, or begin or end with a blank"
    if any(c in '\\:*?"<>|' or unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in path):
        return 'must not hold control characters or any of \\ : * ? " < > |'
    if unicodedata.normalize("NFC", path) != path:
        return "must be in Unicode normal form C"
    return ""


def _shown(path: str) -> str:
    """Enough of a path to know it again, without control characters."""
    return repr(path[:80])


def folders(path: str) -> list[str]:
    """All folders that a path lies in: `a/b/c` gives `a`, `a/b`."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]
