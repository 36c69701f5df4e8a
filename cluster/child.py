"""One process that a supervisor keeps alive: started, watched, started again after a pause, stopped with its whole session."""

import logging
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO

log = logging.getLogger(__name__)

RESTART_SECONDS = 0.5  # pause before a child that died is started again; doubled while it does not stay
MOST_RESTART_SECONDS = 30.0
STAYED_SECONDS = 10.0  # a child that lived so long is no failing start


class Child:
    """One process that must live; started again when it ends, unless it is stopping."""

    def __init__(self, name: str, command: Callable[[], list[str]], environment: dict[str, str], log_file: Path):
        self.name, self._command, self._environment, self.log_file = name, command, environment, log_file
        self._process: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0
        self._started = 0.0
        self._pause = RESTART_SECONDS

    def start(self) -> None:
        output: IO[bytes] = open(self.log_file, "ab")  # noqa: SIM115 - the child keeps it
        with output:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs or before it was started."""
        return self._process.poll() if self._process is not None else None

    def revive(self, now: float) -> bool:
        """Starts the process if it does not run and its pause is over; True if it did."""
        if self.alive or now < self._not_before:
            return False
        if self._process is not None:
            log.warning("%s ended with %s: starting it again", self.name, self._process.returncode)
            stayed = now - self._started > STAYED_SECONDS
            self._pause = RESTART_SECONDS if stayed else min(self._pause * 2, MOST_RESTART_SECONDS)
        self._started, self._not_before = now, now + self._pause
        self.start()
        return True

    def stop(self, seconds: float) -> None:
        """SIGTERM, then SIGKILL to the process's whole session."""
        if self._process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(seconds)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
