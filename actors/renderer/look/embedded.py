"""The pictures that mails bring along, for a page that shows the mails. Needs nothing of what makes them."""

import re
from base64 import b64encode
from collections.abc import Sequence
from email import message_from_bytes, policy
from typing import Any

MAX_EMBEDDED_BYTES = 4 << 20  # of all pictures together
_SAFE_TYPES = re.compile(r"image/(png|jpeg|gif|webp)\Z")  # an SVG could hold a script


def embedded_pictures(samples: Sequence[Any]) -> dict[str, str]:
    """`samples`: the renderer's previews of rows. The mails' own pictures by content id, as data: URLs."""
    found: dict[str, str] = {}
    left = MAX_EMBEDDED_BYTES
    for shown in samples:
        for part in message_from_bytes(shown.message, policy=policy.default).walk():
            name = str(part["Content-ID"] or "").strip("<> ")
            if not name or name in found or not _SAFE_TYPES.match(part.get_content_type()):
                continue
            data = part.get_payload(decode=True)
            if isinstance(data, bytes) and len(data) <= left:
                left -= len(data)
                found[name] = f"data:{part.get_content_type()};base64,{b64encode(data).decode('ascii')}"
    return found
