"""`python -m gateway.rpc.generate [--check]`: the Python code of the protos, beside them; needs grpcio-tools.

With --check nothing is written: exit code 1 names the files that differ from what the protos give.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2] / "proto"
MADE = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py")


def generate(target: Path) -> None:
    """Writes the code of all protos below `target`."""
    protos = sorted(str(p.relative_to(ROOT)) for p in ROOT.rglob("*.proto"))
    outputs = [f"--{kind}_out={target}" for kind in ("python", "pyi", "grpc_python")]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I.", *outputs, *protos], cwd=ROOT, check=True)


def differences() -> list[str]:
    """Files that are missing, too many or not fresh."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh, kept = _files(Path(folder)), _files(ROOT)
    return sorted(name for name in fresh.keys() | kept.keys() if fresh.get(name) != kept.get(name))


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for pattern in MADE for p in folder.rglob(pattern)}


def main(arguments: list[str]) -> int:
    """Exit code."""
    if arguments == ["--check"]:
        stale = differences()
        for name in stale:
            print(f"proto/{name} is not fresh: run `make proto`", file=sys.stderr)
        return 1 if stale else 0
    generate(ROOT)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
