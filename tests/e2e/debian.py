"""Programs of Debian packages, unpacked into a folder and never installed: packages that conflict can stand side by side.

`unpack("opendkim-tools", "libopendkim11")` downloads with `apt-get download` (the caller names the dependencies that a base
system lacks), unpacks with `dpkg -x` and gives the root folder; `environment(root)` lets its programs find their libraries.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "debian"


def unpack(*packages: str) -> Path:
    """The root folder of these packages together; downloaded once, then taken from the cache (safe between processes)."""
    key = hashlib.sha256(" ".join(sorted(packages)).encode()).hexdigest()[:12]
    root = CACHE / f"{sorted(packages)[0]}-{key}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _unpack_into(root, packages)
    return root


def environment(root: Path) -> dict[str, str]:
    """The process environment with the root's programs and shared libraries first."""
    libraries = [p for part in ("usr/lib", "lib") for p in [root / part, *(root / part).glob("*-linux-gnu*")] if p.is_dir()]
    programs = [root / part for part in ("usr/sbin", "usr/bin", "sbin", "bin")]
    path = os.pathsep.join([*map(str, programs), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries))}


def _unpack_into(root: Path, packages: tuple[str, ...]) -> None:
    """Unpacks beside the root and renames, so that a root that exists is whole."""
    work = CACHE / f"work-{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    downloads, tree = work / "downloads", work / "tree"
    downloads.mkdir(parents=True)
    downloads.chmod(0o777)  # apt fetches as its own user where it runs as root
    try:
        _download(downloads, packages)
        for archive in sorted(downloads.glob("*.deb")):
            subprocess.run(["dpkg", "-x", str(archive), str(tree)], check=True, capture_output=True)
        tree.rename(root)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _download(folder: Path, packages: tuple[str, ...]) -> None:
    command = ["apt-get", "-q", "download", *packages]
    first = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if first.returncode == 0:
        return
    update = subprocess.run(["apt-get", "-q", "update"], capture_output=True, text=True)  # the lists were empty or old
    second = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if second.returncode:
        raise RuntimeError(f"apt-get download {' '.join(packages)}: {second.stderr[-1000:]} {update.stderr[-500:]}")
