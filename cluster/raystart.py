"""`ray start` without Ray Client's server: `python -m cluster.raystart start ...`, a child of the supervisor.

Nobody here uses that server, which costs an open port, 90 MB, and a second and a half of each start. `ray start` has no switch
for it: it starts one unless the server's libraries are missing, and is told here that they are. A Ray that looks for them in
another place starts the server as ever.
"""

import sys

from ray.scripts import scripts


def missing() -> ImportError:
    return ImportError("left out by Hongyan")


def main(arguments: list[str]) -> None:
    """Ray's own command, with these arguments."""
    scripts.get_ray_client_dependency_error = missing
    scripts.cli(arguments, prog_name="ray")


if __name__ == "__main__":
    main(sys.argv[1:])
