"""SIGTERM while mails are on the wire: they are finished and committed, the system ends within 30 s and names no row in doubt.

Before that, the metrics that operators read say what the job does.
"""

import re
import signal
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

from gateway.cli import local
from tests.e2e.standing.test_ray_closed import listening
from tests.e2e.system import SLOW, Scene

pytestmark = [pytest.mark.timeout(900)]

ROWS = 8_000  # with its pauses the receiver needs minutes for them, however late the metrics come
STOP_SECONDS = 30.0
GAUGES = (
    "hongyan_rows",
    "hongyan_settled_per_second",
    "hongyan_active_jobs",
    "hongyan_queued_rows",
    "hongyan_oldest_job_seconds",
    "hongyan_lane_concurrency",
    "hongyan_sender",
)


def metrics(made: Scene) -> str:
    """What Prometheus would read: the port is Ray's choice, so all that listen are asked, at the same time."""
    ports = sorted({port for _, port in listening(made.system.processes())})
    with ThreadPoolExecutor(len(ports) or 1) as threads:
        return "".join(threads.map(exported, ports))


def exported(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
            text: str = reply.read().decode(errors="replace")
            return text
    except (OSError, HTTPException):
        return ""


def value(text: str, name: str, label: str = "") -> float:
    """The sum of a gauge's samples that have this label text; -1 when there is none."""
    found = re.findall(rf"^ray_{name}\{{(.*)\}} (\S+)$", text, re.MULTILINE)
    samples = [float(v) for labels, v in found if label in labels]
    return sum(samples) if samples else -1.0


def rows(text: str, *states: str) -> float:
    return sum(value(text, "hongyan_rows", f'state="{state}"') for state in states)


def read_until_they_say(made: Scene) -> str:
    """The metrics once they show this job, all of its rows and what it does."""
    end = time.monotonic() + 180
    while True:
        text = metrics(made)
        whole = rows(text, "pending", "transmitting", "delivered") == ROWS
        if whole and rows(text, "delivered") > 0 and value(text, "hongyan_lane_concurrency") > 0:
            return text
        assert time.monotonic() < end, sorted(set(re.findall(r"^ray_hongyan\w+", text, re.MULTILINE)))
        time.sleep(1)


def test_a_stop_finishes_what_is_on_the_wire(standing: Scene) -> None:
    made = standing
    job = made.submit(ROWS, domain=SLOW)
    text = read_until_they_say(made)
    assert value(text, "hongyan_active_jobs") == 1
    assert all(value(text, name) >= 0 for name in GAUGES)
    assert job not in text  # no label names a job

    begun = time.monotonic()
    made.system.supervisor.send_signal(signal.SIGTERM)
    made.system.supervisor.wait(STOP_SECONDS + 10)
    assert time.monotonic() - begun < STOP_SECONDS
    assert made.system.processes() == []

    sent = made.settled(job)
    assert 0 < sent < ROWS
    made.system = local.start(made.config)
    made.system.wait_until_up()
    with made.system.client() as client:
        client.pause(job)
        status = client.get(job)
        assert status.doubts == 0
        client.cancel(job)
    made.wait(job)
    both = made.reconcile(job)
    assert (both.lost, both.doubled, both.doubted) == (set(), set(), set())
    assert sum(both.counts.values()) == both.rows == ROWS
    assert both.counts["delivered"] == sum(both.arrived.values()) >= sent
