"""Debian's OpenSMTPD as a receiver. Its paths and users are compiled in, so it runs in a jail.

Debian 12 builds 6.8.0p2 with OpenSSL 3, where its key process does not work: every TLS handshake fails (known upstream, mended
in later versions). Offering STARTTLS makes it the receiver whose TLS is broken; without it is the ordinary one."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.debian import unpack
from tests.e2e.receivers.base import Receiver, folder, free_port, running, system_user_needed, write_certificate
from tests.e2e.receivers.jail import make_box, make_jail

PACKAGES = ("opensmtpd", "libc6", "libcrypt1", "libdb5.3", "libevent-2.1-7", "libpam0g", "libaudit1", "libcap-ng0", "libssl3")
PACKAGES += ("zlib1g", "dash", "libgcc-s1")
HOSTNAME = "mx.opensmtpd.test"

CONFIG = """
smtp max-message-size 50M
smtp limit max-mails 100000
smtp limit max-rcpt 100000
{tls}
{main}
listen on 127.0.0.1 port {port} hostname {hostname} {offer}
table every {{ "@" = "box" }}
action "box" maildir "/box/mail" virtual <every>
match from any for any action "box"
"""


@contextmanager
def start_opensmtpd(
    tls: bool = False, main: str = "", offer: str = "", files: Mapping[str, str] | None = None
) -> Iterator[Receiver]:
    """An OpenSMTPD that delivers every recipient into one Maildir. `main` are further lines of its configuration, `offer`
    further words of its listener, `files` programs in its root folder."""
    system_user_needed()
    port = free_port()
    with folder() as home:
        jail = home / "root"
        authority = _configure(jail, port, tls, main, offer)
        for name, text in (files or {}).items():
            (jail / name).write_text(text)
            (jail / name).chmod(0o755)
        command = ["chroot", str(jail), "/usr/sbin/smtpd", "-d", "-f", "/etc/smtpd.conf"]
        with running(command, port, home):
            yield Receiver("127.0.0.1", port, HOSTNAME, jail / "box/mail", authority)


def _configure(jail: Path, port: int, tls: bool, main: str, words: str) -> str:
    users = make_jail(jail, unpack(*PACKAGES), HOSTNAME, ("opensmtpd", "opensmtpq", "box"))
    make_box(jail, users["box"])
    (jail / "var/lib/opensmtpd/empty").mkdir(parents=True, exist_ok=True)
    (jail / "var/spool/smtpd").mkdir(parents=True, exist_ok=True)
    (jail / "var/spool/smtpd").chmod(0o711)
    authority, lines, offer = "", "", ""
    if tls:
        authority, chain, key = write_certificate(jail / "etc", HOSTNAME)
        lines = f'pki {HOSTNAME} cert "/etc/{chain.name}"\npki {HOSTNAME} key "/etc/{key.name}"'
        offer = f"tls pki {HOSTNAME} "
    config = jail / "etc/smtpd.conf"
    config.write_text(CONFIG.format(port=port, hostname=HOSTNAME, tls=lines, offer=offer + words, main=main))
    config.chmod(0o600)
    return authority
