"""Simulated receivers on loopback: the demo, the tests, the benches and what-if runs deliver to them.

`policy` decides answers, `script` reads them from YAML, `protocol` speaks SMTP, `store` keeps what was accepted: none of these
touches a socket. `connection`, `server` and `workers` do the talking. Nothing here knows the rest of the system.
"""

from sandbox.policy import Policy, Script
from sandbox.reading import ScriptError
from sandbox.script import load_script, parse_script
from sandbox.server import Sandbox
from sandbox.store import Counts, Maildir, Received, Record, read_record

__all__ = [
    "Counts",
    "Maildir",
    "Policy",
    "Received",
    "Record",
    "Sandbox",
    "Script",
    "ScriptError",
    "load_script",
    "parse_script",
    "read_record",
]
