"""Keys of templates: by name from the job's constants, and what is derived from them. A key is in no text, error or repr.

Each purpose has a key of its own, derived by HKDF (RFC 5869), so that what one function gives is of no use to another. Only
`hmac_sha256` and `pseudonym` use a key as it is, because others must be able to work out the same with plain HMAC.
"""

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from actors.renderer.functions.context import Context
from actors.renderer.functions.errors import Refused
from actors.renderer.functions.inputs import text


def unknown(job: Context, given: Mapping[str, Any], function: str) -> str:
    """What is wrong with the name of a key that a template writes down, or nothing."""
    try:
        named(job, given["key_id"], function)
    except Refused as error:
        return str(error)
    except KeyError:  # a column gives it
        pass
    return ""


def named(job: Context, key_id: Any, function: str) -> bytes:
    """The key of this name. Raises Refused."""
    key = job.keys.get(text(key_id, function, "key_id"))
    if key is None:
        raise Refused(function, "key_id", "names no key that the account has (template_keys in the config)")
    return key


def derived(key: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"hongyan {purpose}".encode()).derive(key)
