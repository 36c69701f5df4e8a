"""What the operator's config gives a renderer: who signs, the keys of templates, how long they may compute.

Values only; what is done with them is the renderer's. Keys show in no repr.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

ROW_SECONDS = 2.0  # the heaviest statement takes some milliseconds a row
CALL_SECONDS = 60.0  # so long another job may wait for the renderer; 58 ms a row of 1,024, which take 20 to 300 ms all together


@dataclass(frozen=True, slots=True)
class Identity:
    """One key that signs for a From domain. `algorithm` empty: as the key says."""

    domain: str
    selector: str
    key_pem: bytes = field(repr=False)
    algorithm: str = ""


@dataclass(frozen=True)
class TemplateKeys:
    """The keys of all accounts, by account and name, and the operator's own."""

    by_account: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict, repr=False)
    bounces: bytes = field(default=b"", repr=False)  # of return paths of rows; no template can reach it

    def of(self, account: str) -> Mapping[str, bytes]:
        """Those that jobs of this account may use."""
        return self.by_account.get(account, {})


NO_KEYS = TemplateKeys()


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """How long templates may compute; `clock` gives the seconds of processor time that the calling thread has used."""

    clock: Callable[[], float]
    row: float = ROW_SECONDS
    call: float = CALL_SECONDS
