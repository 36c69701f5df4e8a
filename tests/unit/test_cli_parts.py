"""The parts of the command that need no gateway: equation, pace, bars, and an import that stays light."""

import io
import subprocess
import sys

import pytest
from hongyan.v1 import jobs_pb2 as pb
from hongyan_client.channel import is_loopback
from hongyan_client.messages import counts_of
from rich.console import Console

from gateway.cli.equation import Pace, duration, equation, settled
from gateway.cli.output import printable
from gateway.cli.target import reachable
from gateway.cli.watch import _bars, status_line


def test_equation():
    assert equation(1000, {"delivered": 980, "bounced": 20, "pending": 0}) == "1,000 rows = 980 delivered + 20 bounced"
    assert equation(0, {}) == "0 rows = 0"
    assert "NOT BALANCED: the states add up to 999" in equation(1000, {"delivered": 999})
    assert settled({"pending": 1, "deferred": 2, "transmitting": 4, "delivered": 8, "in_doubt": 16}) == 24


def test_pace_follows_the_last_seconds():
    pace = Pace()
    assert (pace.rate, pace.seconds_left(10)) == (0.0, None)
    for second in range(100):
        pace.see(second, second * 10)
    assert pace.rate == pytest.approx(10)
    assert pace.seconds_left(100) == pytest.approx(10)
    for second in range(100, 130):
        pace.see(second, 990)
    assert pace.rate == 0
    assert pace.seconds_left(5) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0, "0:00"), (65.4, "1:05"), (3723, "1:02:03"), (360_000, "100:00:00")]
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_printable():
    assert printable("帳單\x1b[2J\n\u202e\u200b") == "帳單\ufffd[2J\ufffd\ufffd\ufffd"


def job(delivered: int, deferred: int, state: int = pb.JOB_STATE_RUNNING) -> pb.Job:
    counts = pb.Counts(delivered=delivered, deferred=deferred, pending=100 - delivered - deferred)
    return pb.Job(id="J", name="[red]帳單", state=state, rows=100, counts=counts)


def test_bars_show_state_rows_and_what_waits():
    console = Console(file=io.StringIO(), force_terminal=True, width=120, markup=False)
    last = _bars(console, [job(0, 0), job(40, 5), job(100, 0, pb.JOB_STATE_DONE)])
    shown = console.file.getvalue()
    assert counts_of(last)["delivered"] == 100
    assert "[red]帳單 done" in shown
    assert "100 of 100" in shown
    assert "100.0 %" in shown


def test_status_line_names_what_is_open():
    pace = Pace()
    pace.see(0, 0)
    pace.see(10, 40)
    assert status_line(job(40, 5), pace) == "running   40 of 100 rows  4/s  ETA 0:15  (55 pending, 5 deferred)"


HERE = ["127.0.0.1:7800", "localhost:7800", "[::1]:7800", "dns:///127.0.0.1:1", "127.0.0.1"]
ELSEWHERE = ["10.0.0.1:7800", "example.com:7800", "localhost.example.com:1", "0.0.0.0:7800"]


@pytest.mark.parametrize(("target", "loopback"), [*((t, True) for t in HERE), *((t, False) for t in ELSEWHERE)])
def test_which_targets_are_this_machine(target, loopback):
    assert is_loopback(target) == loopback


def test_a_gateway_on_all_addresses_is_called_on_loopback():
    assert reachable("0.0.0.0:7800") == reachable("[::]:7800") == "127.0.0.1:7800"
    assert reachable("192.0.2.1:7800") == "192.0.2.1:7800"


def test_help_imports_nothing_heavy():
    """What would make `hongyan --help` slow: a test by names, because a timed one would lie on a busy machine."""
    heavy = ("grpc", "google.protobuf", "ray", "pyarrow", "numpy", "pydantic", "sqlalchemy", "jinja2", "cryptography")
    code = f"from gateway.cli.main import build; build(); import sys; print([m for m in {heavy!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
