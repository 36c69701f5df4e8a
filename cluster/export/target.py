"""The output under its name only when it is whole: written beside it under a name that begins with a dot, renamed at the end.

An existing target is refused. With `force` a file is replaced, and a folder only where an earlier run made it: `--force` must
not be able to delete a home folder.
"""

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from actors.model.durable import sync
from actors.model.errors import InvalidInput, Problem

INDEX = "index.csv"
_OURS = re.compile(r"[0-9]{5,}|index\.csv")


@dataclass(frozen=True, slots=True)
class Staged:
    """Where the output is being written: `main` is a folder or a file, `index` where index.csv grows."""

    folder: Path
    main: Path
    index: Path


@contextlib.contextmanager
def staged(target: Path, *, single: bool, beside: Path | None, force: bool) -> Iterator[Staged]:
    """Place for the output; when the block ends without an error it gets its name. `beside`: the index's own name where it is
    no part of the output. InvalidInput when a target exists or its folder does not."""
    for path in filter(None, (target, beside)):
        _check(path, single=single or path is beside, force=force)
    folder = target.parent / f".{target.name}.{secrets.token_hex(4)}.writing"
    try:
        folder.mkdir()
    except OSError as error:
        raise InvalidInput((Problem(str(target), f"cannot be made: {error.strerror}"),)) from error
    try:
        main = folder / "out"
        main.touch() if single else main.mkdir()
        place = Staged(folder, main, folder / INDEX if single else main / INDEX)
        yield place
        for path in filter(None, (target, beside)):
            _check(path, single=single or path is beside, force=force)  # it may have come in the meantime
        if beside:
            os.replace(place.index, beside)
        _replace(main, target, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check(target: Path, *, single: bool, force: bool) -> None:
    if not os.path.lexists(target):
        if not target.parent.is_dir():
            raise InvalidInput((Problem(str(target), "the folder that it should lie in does not exist"),))
        return
    is_folder = target.is_dir() and not target.is_symlink()
    if is_folder and not single and not any(target.iterdir()):
        return
    if not force:
        raise InvalidInput((Problem(str(target), "is there already: choose another name, or replace it with --force"),))
    if single == is_folder or (is_folder and not _made_by_us(target)):
        raise InvalidInput((Problem(str(target), "was not made by this command, so --force does not replace it"),))


def _made_by_us(folder: Path) -> bool:
    names = {entry.name for entry in os.scandir(folder)}
    return INDEX in names and all(_OURS.fullmatch(name) for name in names)


def _replace(main: Path, target: Path, folder: Path) -> None:
    """A file is replaced in one step. A folder cannot be: the old one steps aside first, into the folder that is deleted."""
    if not main.is_dir():
        sync(main)
        os.replace(main, target)
        return
    old = folder / "old"
    if target.is_dir():
        os.rename(target, old)
    try:
        os.rename(main, target)
    except OSError:
        if old.is_dir():
            os.rename(old, target)
        raise
