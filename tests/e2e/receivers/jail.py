"""A small root folder for a server whose paths and users are compiled in: packages, libraries, users, devices."""

import os
import shutil
import stat
from pathlib import Path

FOLDERS = ("etc", "dev", "tmp", "root", "run", "var/run", "var/log")
DEVICES = {"null": (1, 3), "zero": (1, 5), "random": (1, 8), "urandom": (1, 9)}
FIRST_ID = 901  # any ids will do: no other process uses the folder


def make_jail(jail: Path, tree: Path, hostname: str, users: tuple[str, ...]) -> dict[str, int]:
    """Copies the unpacked packages to `jail` and adds what a chroot needs; gives the users' ids (their groups' too)."""
    shutil.copytree(tree, jail, symlinks=True)
    for part in FOLDERS:
        (jail / part).mkdir(parents=True, exist_ok=True)
    (jail / "tmp").chmod(0o1777)
    ids = {user: FIRST_ID + i for i, user in enumerate(users)}
    accounts = {"root": 0, "nobody": 65534, **ids}
    passwd = [f"{user}:x:{number}:{number}::/{user}:/bin/sh" for user, number in accounts.items()]
    files = {
        "passwd": "\n".join(passwd),
        "group": "\n".join(f"{user}:x:{number}:" for user, number in accounts.items()),
        "mailname": hostname,
        "hosts": f"127.0.0.1 localhost {hostname}",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files",
        "resolv.conf": "nameserver 127.0.0.1",
    }
    for name, text in files.items():
        (jail / "etc" / name).write_text(text + "\n")
    for name, (major, minor) in DEVICES.items():
        os.mknod(jail / "dev" / name, stat.S_IFCHR, os.makedev(major, minor))
        (jail / "dev" / name).chmod(0o666)
    return ids


def make_box(jail: Path, owner: int) -> Path:
    """A folder for the delivered mail."""
    box = jail / "box"
    box.mkdir()
    os.chown(box, owner, owner)
    return box
