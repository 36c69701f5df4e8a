"""What a lane starts from before it has learned: starting values of large receivers, and the operator's pins. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from actors.reputation.pins import Pin, pin_of
from actors.reputation.starting import Start, start_of
from actors.reputation.state import View


def base_of(plain: View, starts: Sequence[Start], pins: Sequence[Pin], site: str, egress: str) -> tuple[View, Start | None]:
    """`plain`, where nothing is said of the site; and the starting values that were taken, if any."""
    start, pin = start_of(site, starts), pin_of(pins, site, egress)
    view = plain
    if start is not None:
        view = replace(
            view,
            start=start.concurrency or view.start,
            most=start.most or view.most,
            messages=start.messages_per_connection or view.messages,
        )
    if pin is not None:
        view = replace(
            view,
            pinned_concurrency=pin.concurrency or 0,
            pinned_rate=-1.0 if pin.rate is None else pin.rate,
            pinned_messages=pin.messages_per_connection or 0,
        )
    return view, start
