"""The record holds everything that was answered 250, also after kill -9 in the middle of the traffic."""

import json
import os
import signal
import smtplib
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sandbox import read_record

CLIENTS = 4
KILL_AFTER = 300  # messages, over all clients
COMMAND = (
    "import sys\nfrom typer import Typer\nfrom gateway.cli.sandbox import register\n"
    "app = Typer()\nregister(app)\napp.command()(lambda: None)\napp()\n"
)


def start(*options: str) -> "tuple[subprocess.Popen[str], int]":
    """The command; gives the process and its port."""
    command = [sys.executable, "-c", COMMAND, "sandbox", "--json", "--listen", "127.0.0.1:0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    return process, int(first["listening"][0].rpartition(":")[2])


@pytest.mark.crash
@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_answered_is_in_the_record(tmp_path: Path, workers: int) -> None:
    record = tmp_path / "record"
    process, port = start("--record", str(record), "--workers", str(workers))
    answered: list[str] = []
    enough = threading.Event()

    def send(number: int) -> None:
        try:
            with smtplib.SMTP("127.0.0.1", port, "client.test", timeout=60) as smtp:
                for count in range(100_000):
                    recipient = f"r{number}.{count}@to.test"
                    smtp.sendmail("a@from.test", [recipient], f"Message-ID: <{number}.{count}@from.test>\r\n\r\nx\r\n")
                    answered.append(recipient)
                    if len(answered) >= KILL_AFTER:
                        enough.set()
        except (smtplib.SMTPException, OSError):
            pass

    threads = [threading.Thread(target=send, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    assert enough.wait(120)
    for victim in [*children(process.pid), process.pid]:
        os.kill(victim, signal.SIGKILL)
    for thread in threads:
        thread.join(30)
    process.communicate()
    recorded = [line["recipient"] for line in read_record(record)]
    assert len(answered) >= KILL_AFTER
    assert set(answered) <= set(recorded)
    assert len(recorded) == len(set(recorded))
    assert len(recorded) - len(answered) <= CLIENTS, "at most the one that each client had open"


def children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task")
    return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
