"""What is kept of an upload once its job has its own snapshot: the key that was used, and the job. Pure values, no IO.

    receipts/<account>/<upload>/<sha256 of the key>.json     one for each job that was made of the upload
    receipts/<account>/<upload>/leaving                      the upload's files are being removed

So the same Submit again finds its job without the files. Nothing personal is in them.
"""

import hashlib
import json
from dataclasses import asdict, dataclass

from actors.model.errors import Conflict


@dataclass(frozen=True, slots=True)
class Receipt:
    """A job, the digest of the spec that came with the request ('' for none), and the warnings of then."""

    job: str
    spec: str = ""
    warnings: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    def check(self, key: str, spec: str) -> None:
        """Conflict when the key comes with another spec than then."""
        if spec != self.spec:
            raise Conflict(f"key {key}", "it was used with another bundle")


def from_json(data: bytes) -> Receipt:
    """The inverse of `to_json`."""
    found = json.loads(data)
    return Receipt(found["job"], found["spec"], tuple(found["warnings"]))


def spec_digest(control_file: bytes | None) -> str:
    """Of the control file that a request's spec becomes."""
    return hashlib.sha256(control_file).hexdigest() if control_file is not None else ""


def receipt_path(account: str, upload: str, key: str) -> str:
    """Vault path of one receipt."""
    return f"receipts/{account}/{upload}/{hashlib.sha256(key.encode()).hexdigest()[:40]}.json"


def leaving_path(account: str, upload: str) -> str:
    """Vault path of the mark that an upload's files must not be read any more."""
    return f"receipts/{account}/{upload}/leaving"
