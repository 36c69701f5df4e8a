"""What ends one row: a value that cannot be used, or a template that takes the row out. Raised by scalar code.

The texts reach reports and logs: they name functions, arguments and types, never a value of the row.
"""

from decimal import DecimalException

from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError

from actors.model.states import RowState


class RowStop(Exception):
    """Ends one row in `state`."""

    state = RowState.RENDER_ERROR

    def __init__(self, *args: str):
        super().__init__(*args)

    def __str__(self) -> str:
        return " ".join(str(a) for a in self.args)


class Refused(RowStop):
    """A function cannot take a value: function, argument, and what it needs instead."""

    def __init__(self, function: str, argument: str, needs: str):
        super().__init__(function, argument, needs)

    def __str__(self) -> str:
        function, argument, needs = self.args
        return f"{function}: {argument} {needs}"


class Limit(RowStop):
    """The row asks for more than actors.renderer.functions.limits.py allows."""


class Skipped(RowStop):
    """`skip_recipient` holds: the row leaves the job."""

    state = RowState.SKIPPED


class Required(RowStop):
    """`require` does not hold."""


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (UndefinedError, "uses a value that is not defined"),
    (SecurityError, "asks for something that a template may not do"),
    (ZeroDivisionError, "divides by zero"),
    (OverflowError, "gives a number that is too large"),
    (DecimalException, "gives a number that is too large or none at all"),
    (RecursionError, "is nested too deeply"),
    (TypeError, "combines values of types that do not go together (null is one)"),
    (LookupError, "asks for an entry that is not there"),
    (ValueError, "meets a value that it cannot take"),
)


def reason_of(error: BaseException) -> str:
    """Why the row ended, without any of its values (messages of foreign errors may quote them)."""
    if isinstance(error, RowStop):
        return str(error)
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    return f"cannot be worked out ({type(error).__name__})"


def state_of(error: BaseException) -> RowState:
    """Where the row ends up."""
    return error.state if isinstance(error, RowStop) else RowState.RENDER_ERROR
