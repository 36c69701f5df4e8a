"""Every exception that crosses a role or process border.

All constructor arguments go to `super().__init__`, so an error survives pickling through Ray; the text is made in `__str__`.
An expected refusal by a receiver is a value (`Outcome`), never one of these.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a client must mend: the place (`list.csv`, line 4012, column `email`) and what to change."""

    file: str
    message: str
    line: int = 0  # from 1; 0 where a line makes no sense
    column: str = ""

    def __str__(self) -> str:
        place = self.file
        if self.line:
            place += f" line {self.line}"
        if self.column:
            place += f" column {self.column}"
        return f"{place}: {self.message}"


class HongyanError(Exception):
    """Base of all of Hongyan's own errors."""


class InvalidInput(HongyanError):
    """The client's input cannot be used; carries all of its problems at once."""

    def __init__(self, problems: tuple[Problem, ...]):
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(p) for p in self.problems)


class NotFound(HongyanError):
    """The named thing does not exist, or belongs to another account."""

    def __init__(self, kind: str, name: str):
        super().__init__(kind, name)
        self.kind, self.name = kind, name

    def __str__(self) -> str:
        return f"no {self.kind} {self.name!r}"


class Conflict(HongyanError):
    """The same key was used before with another content, or the state does not allow the step."""

    def __init__(self, what: str, why: str):
        super().__init__(what, why)
        self.what, self.why = what, why

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


class Fenced(HongyanError):
    """The caller's epoch is old: another holder has taken over. The caller must stop at once."""

    def __init__(self, holder: str, epoch: int, current: int):
        super().__init__(holder, epoch, current)
        self.holder, self.epoch, self.current = holder, epoch, current

    def __str__(self) -> str:
        return f"{self.holder}: epoch {self.epoch} is fenced off by epoch {self.current}"


class Unavailable(HongyanError):
    """A part is away for the moment (restarting, disk full, database locked); nothing of the call was done, or the call
    is idempotent: try again."""

    def __init__(self, part: str, why: str):
        super().__init__(part, why)
        self.part, self.why = part, why

    def __str__(self) -> str:
        return f"{self.part} is unavailable: {self.why}"


class BrokenPromise(HongyanError):
    """A rule of the system itself was broken (a bug): the step was refused whole."""

    def __init__(self, rule: str):
        super().__init__(rule)
        self.rule = rule

    def __str__(self) -> str:
        return self.rule


class Unauthenticated(HongyanError):
    """No valid key was given."""

    def __init__(self, why: str):
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return self.why
