"""Debian's Postfix as a receiver, and its load tools `smtp-sink` and `smtp-source`."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.debian import environment, unpack
from tests.e2e.receivers.base import NSL, Receiver, folder, free_port, running, system_user_needed, write_certificate

PACKAGES = ("postfix", "libdb5.3", "libicu72", "libsasl2-2", *NSL)
OWNER, GROUP = "mail", "news"  # every Debian has them; Postfix wants a user of its own and another group for its queue
QUEUES = (
    "active",
    "bounce",
    "corrupt",
    "defer",
    "deferred",
    "flush",
    "hold",
    "incoming",
    "maildrop",
    "pid",
    "private",
    "public",
)
QUEUES += ("saved", "trace")

# No maillog_file: postlogd can wait for room in its own socket for ever while it starts.
MAIN = """
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
daemon_directory = {root}/usr/lib/postfix/sbin
shlib_directory = {root}/usr/lib/postfix
command_directory = {root}/usr/sbin
meta_directory = {home}/etc
mail_owner = {owner}
setgid_group = {group}
default_privs = nobody
import_environment = MAIL_CONFIG LD_LIBRARY_PATH
myhostname = mx.postfix.test
mydestination =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_relay_restrictions = permit
smtputf8_enable = yes
virtual_mailbox_domains = regexp:{home}/etc/every
virtual_mailbox_maps = static:box/
virtual_mailbox_base = {home}
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_mailbox_limit = 0
message_size_limit = 52428800
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
{tls}
"""

TLS = """
smtpd_tls_security_level = may
smtpd_tls_chain_files = {key} {chain}
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""


def root() -> Path:
    return unpack(*PACKAGES)


@contextmanager
def start_postfix(
    tls: bool = True, main: str = "", master: str = "", files: Mapping[str, str] | None = None
) -> Iterator[Receiver]:
    """A Postfix that delivers every recipient into one Maildir. `main` and `master` are further lines of its files, `files`
    programs in its home; `{home}` stands for that."""
    system_user_needed()
    tree, port = root(), free_port()
    with folder() as home:
        authority = _configure(home, tree, port, tls)
        for name, lines in (("main.cf", main), ("master.cf", master)):
            with (home / "etc" / name).open("a") as file:
                file.write(lines.format(home=home))
        for name, text in (files or {}).items():
            (home / name).write_text(text.format(home=home))
            (home / name).chmod(0o755)
        (home / "box").chmod(0o777)
        master = str(tree / "usr/lib/postfix/sbin/master")
        with running([master, "-d", "-c", str(home / "etc")], port, home, tools().env):
            yield Receiver("127.0.0.1", port, "mx.postfix.test", home / "box", authority)


def _configure(home: Path, tree: Path, port: int, tls: bool) -> str:
    for part in ("etc", "queue", "data", "box"):
        (home / part).mkdir()
    for queue in QUEUES:
        (home / "queue" / queue).mkdir(mode=0o700)
        if queue != "pid":
            shutil.chown(home / "queue" / queue, OWNER)
    for part in ("maildrop", "public"):
        shutil.chown(home / "queue" / part, OWNER, GROUP)
        (home / "queue" / part).chmod(0o730 if part == "maildrop" else 0o710)
    for part in ("data", "box"):
        shutil.chown(home / part, OWNER, OWNER)
    authority, lines = "", ""
    if tls:
        authority, chain, key = write_certificate(home, "mx.postfix.test")
        lines = TLS.format(chain=chain, key=key)
    owner = os.stat(home / "box")
    main = MAIN.format(home=home, root=tree, owner=OWNER, group=GROUP, uid=owner.st_uid, gid=owner.st_gid, tls=lines)
    (home / "etc/main.cf").write_text(main)
    (home / "etc/master.cf").write_text(MASTER.format(port=port))
    (home / "etc/every").write_text("/./ ok\n")
    (home / "etc/dynamicmaps.cf").write_text("")
    return authority


@dataclass(frozen=True)
class Tools:
    """`smtp-sink` and `smtp-source` with the environment that they need."""

    sink: str
    source: str
    env: dict[str, str]


def tools() -> Tools:
    tree = root()
    env = environment(tree)
    env["LD_LIBRARY_PATH"] = os.pathsep.join([str(tree / "usr/lib/postfix"), env["LD_LIBRARY_PATH"]])
    return Tools(str(tree / "usr/sbin/smtp-sink"), str(tree / "usr/sbin/smtp-source"), env)


@contextmanager
def start_smtp_sink(*options: str, backlog: int = 1024) -> Iterator[tuple[str, int]]:
    """A running `smtp-sink` with these options; gives (host, port). It accepts at most 256 sessions unless `-m` says more."""
    port = free_port()
    with folder() as home:
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [tools().sink, *user, *options, f"127.0.0.1:{port}", str(backlog)]
        with running(command, port, home, tools().env):
            yield "127.0.0.1", port
