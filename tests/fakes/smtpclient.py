"""A client for the sandbox's dialogue without sockets: writes bytes, reads what comes back, follows delays by hand."""

from sandbox.policy import Policy, Receptionist
from sandbox.protocol import Dialogue
from sandbox.script import parse_script
from sandbox.store import Counts, Received

HELLO = b"EHLO client.test\r\n"
ENVELOPE = b"MAIL FROM:<a@from.test>\r\nRCPT TO:<b@to.test>\r\n"


class Talk:
    """One connection to a scripted receiver."""

    def __init__(self, script: object = None, tls: bool = True, source: str = "127.0.0.1", policy: Receptionist | None = None):
        self.now = 1000.0
        self.draws: list[float] = []
        self.policy: Receptionist = policy or Policy(parse_script(script), lambda: self.draws.pop(0) if self.draws else 0.5)
        self.counts = Counts()
        self.messages: list[Received] = []
        reception = self.policy.reception(source, "127.0.0.9", self.now)
        self.dialogue = Dialogue(reception, "mx.test", source, self.counts, self.messages.append, tls)
        self.dialogue.greet(self.now)
        self.greeting = self.read()

    def read(self) -> bytes:
        out = b"".join(self.dialogue.out)
        self.dialogue.out.clear()
        return out

    def say(self, data: bytes) -> bytes:
        """What the receiver answers at once."""
        self.dialogue.receive(data, self.now)
        return self.read()

    def wait(self) -> bytes:
        """Lets the delay pass that the receiver asked for."""
        assert self.dialogue.wait > 0
        self.now += self.dialogue.wait
        self.dialogue.resume(self.now)
        return self.read()

    def codes(self, data: bytes) -> list[int]:
        """The codes of all final reply lines."""
        return [int(line[:3]) for line in self.say(data).splitlines() if line[3:4] == b" "]

    @property
    def closed(self) -> bool:
        return self.dialogue.closing
