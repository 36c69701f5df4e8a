"""Verifies DKIM signatures of accepted messages with dkimpy and public keys from a file: no DNS is asked.

Keys: a YAML file `selector._domainkey.domain: "v=DKIM1; k=rsa; p=..."`, or a folder of files with these names.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import dkim
import yaml


class Verifier:
    """Checks a share of the messages. `chance` gives numbers in [0, 1)."""

    def __init__(self, keys: Mapping[str, str], chance: Callable[[], float], share: float = 1.0):
        self._keys = {name.rstrip(".").lower(): text.encode() for name, text in keys.items()}
        self._chance = chance
        self._share = share

    def check(self, data: bytes) -> bool | None:
        """True if the message has a signature that holds; None if it was not looked at."""
        if self._share < 1.0 and self._chance() >= self._share:
            return None
        try:
            return bool(dkim.verify(data, dnsfunc=self._key))
        except dkim.DKIMException:
            return False

    def _key(self, name: bytes, timeout: int = 5) -> bytes | None:
        return self._keys.get(name.decode("ascii", "replace").rstrip(".").lower())


def load_keys(path: str | Path) -> dict[str, str]:
    """Keys from a YAML file or a folder. ValueError if there are none."""
    place = Path(path)
    if place.is_dir():
        keys: object = {f.name: f.read_text().strip() for f in sorted(place.iterdir()) if "._domainkey." in f.name}
    else:
        keys = yaml.safe_load(place.read_text())
    if not isinstance(keys, dict) or not keys or not all(isinstance(k, str) and isinstance(v, str) for k, v in keys.items()):
        raise ValueError("no keys: 'selector._domainkey.domain: \"v=DKIM1; p=...\"' lines or a folder of such files are needed")
    return keys
