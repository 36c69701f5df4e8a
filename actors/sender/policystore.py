"""MTA-STS policies in the vault, so that they last their `max_age` over restarts (RFC 8461 section 5.1). One file.

What cannot be read is no policy; what cannot be written now is written with the next change.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, fields

from actors.model.errors import Unavailable
from actors.model.ports import Vault
from actors.sender.sts import LONGEST_AGE, MAX_MX, MODES, Policy

log = logging.getLogger(__name__)

PATH = "policies/mta-sts.json"
NAMES = {field.name for field in fields(Policy)}


class PolicyStore:
    """Reads and writes all policies by domain. Calls block: for a thread."""

    def __init__(self, vault: Vault):
        self._vault = vault

    def read(self) -> dict[str, Policy]:
        """What was kept; empty if there is nothing that can be read."""
        try:
            data = json.loads(self._vault.read(PATH))
        except FileNotFoundError:
            return {}
        except (Unavailable, ValueError) as error:
            log.warning("kept MTA-STS policies cannot be read: %s", type(error).__name__)
            return {}
        found = {str(domain): _policy(kept) for domain, kept in data.items()} if isinstance(data, dict) else {}
        return {domain: policy for domain, policy in found.items() if policy is not None}

    def write(self, policies: Mapping[str, Policy]) -> bool:
        """Whether they are kept now."""
        data = {domain: asdict(policy) for domain, policy in policies.items()}
        try:
            self._vault.write(PATH, json.dumps(data, separators=(",", ":")).encode())
        except Unavailable as error:
            log.warning("MTA-STS policies cannot be kept: %s", error)
            return False
        return True


def _policy(kept: object) -> Policy | None:
    if not isinstance(kept, dict) or kept.keys() != NAMES:
        return None
    mode, mx, age, name, until = (kept[key] for key in ("mode", "mx", "max_age", "id", "until"))
    if mode not in MODES or not isinstance(name, str) or not isinstance(mx, list) or len(mx) > MAX_MX:
        return None
    numbers = all(isinstance(n, int | float) and not isinstance(n, bool) for n in (age, until))
    if not numbers or not 0 <= age <= LONGEST_AGE or not all(isinstance(host, str) for host in mx):
        return None
    return Policy(mode, tuple(mx), float(age), name, float(until))
