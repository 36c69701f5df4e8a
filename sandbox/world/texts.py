"""The words of a receiver: texts by family and rule, from `texts.yaml` beside this file."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import yaml

from sandbox.policy import Stage

FALLBACK = "postfix"  # has a text for every rule


class Text(NamedTuple):
    """A reply that lacks its names. `at` None: said where the rule looks."""

    reply: str
    at: Stage | None = None

    def fill(self, source: str, host: str) -> bytes:
        """The reply without CRLF at its end; lines of one reply are joined as RFC 5321 section 4.2.1 wants it."""
        lines = self.reply.replace("{source}", source).replace("{host}", host).split("\n")
        return "\r\n".join([line[:3] + "-" + line[4:] for line in lines[:-1]] + lines[-1:]).encode()


def for_recipient(reply: bytes, recipient: str) -> bytes:
    """A filled reply with the recipient's names."""
    if b"{" not in reply:
        return reply
    domain = recipient.rpartition("@")[2]
    return reply.replace(b"{recipient}", recipient.encode()).replace(b"{domain}", domain.encode())


@lru_cache(1)
def families() -> dict[str, dict[str, Text]]:
    """All families with all of their rules."""
    data = yaml.safe_load(Path(__file__).with_name("texts.yaml").read_text(encoding="utf-8"))
    own = {family: {rule: _text(value) for rule, value in rules.items() if rule != "from"} for family, rules in data.items()}
    return {family: own[FALLBACK] | rules for family, rules in own.items()}


def _text(value: str | dict[str, str]) -> Text:
    if isinstance(value, str):
        return Text(value)
    return Text(value["reply"], Stage(value["at"]) if "at" in value else None)
