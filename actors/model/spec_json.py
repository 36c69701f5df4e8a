"""JobSpec and Manifest as JSON bytes and back: the form in which a snapshot keeps them.

The codec follows the dataclasses: a field's JSON key is its name without the trailing underscore, every default is written out,
and what comes back equals what went in. A key that is missing takes its default: an older program wrote the snapshot. Unknown
keys, and missing ones without a default, are errors: a newer program wrote it, or it is none. Checking a client's control file
is intake's work, not done here.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from actors.model.errors import BrokenPromise
from actors.model.job import Manifest
from actors.model.spec import JobSpec

T = TypeVar("T")


def spec_to_json(spec: JobSpec) -> bytes:
    """The spec as canonical JSON (sorted keys, UTF-8): equal specs give equal bytes."""
    return _dump(spec)


def spec_from_json(data: bytes) -> JobSpec:
    """The inverse of `spec_to_json`; BrokenPromise when the bytes are no spec."""
    return _load(JobSpec, data)


def manifest_to_json(manifest: Manifest) -> bytes:
    """The manifest as JSON; `types` keeps the list's column order."""
    return _dump(manifest, sort=False)


def manifest_from_json(data: bytes) -> Manifest:
    """The inverse of `manifest_to_json`; BrokenPromise when the bytes are no manifest."""
    return _load(Manifest, data)


def _dump(value: object, *, sort: bool = True) -> bytes:
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=sort, indent=1, allow_nan=False).encode()


def _load(kind: type[T], data: bytes) -> T:
    try:
        value = _build(kind, json.loads(data), kind.__name__)
    except ValueError as error:
        raise BrokenPromise(f"{kind.__name__} is not valid JSON: {error}") from error
    assert isinstance(value, kind)
    return value


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {f.name.removesuffix("_"): _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value


@cache
def _shape(kind: type) -> dict[str, tuple[str, Any]]:
    """JSON key -> (field name, field type)."""
    hints = get_type_hints(kind)
    return {f.name.removesuffix("_"): (f.name, hints[f.name]) for f in fields(kind)}


def _build(kind: Any, value: object, place: str) -> Any:
    if is_dataclass(kind):
        return _build_dataclass(cast(type, kind), value, place)
    origin = get_origin(kind)
    if origin is UnionType:
        if value is None and NoneType in get_args(kind):
            return None
        (inner,) = (a for a in get_args(kind) if a is not NoneType)
        return _build(inner, value, place)
    if origin is tuple:
        return tuple(_build(get_args(kind)[0], v, place) for v in _expect(list, value, place))
    if origin is dict:
        return {k: _build(get_args(kind)[1], v, f"{place}.{k}") for k, v in _expect(dict, value, place).items()}
    if kind is datetime:
        return datetime.fromisoformat(_expect(str, value, place))
    if issubclass(kind, StrEnum):
        return kind(_expect(str, value, place))
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise BrokenPromise(f"{place} should be {kind.__name__}")
    return value


def _build_dataclass(kind: type, value: object, place: str) -> Any:
    given = _expect(dict, value, place)
    shape = _shape(kind)
    needed = {key for key, (name, _) in shape.items() if not _has_default(kind, name)}
    if odd := sorted((given.keys() - shape.keys()) | (needed - given.keys())):
        raise BrokenPromise(f"{place} has missing or unknown keys: {', '.join(odd)}")
    return kind(**{name: _build(hint, given[key], f"{place}.{key}") for key, (name, hint) in shape.items() if key in given})


def _has_default(kind: type, name: str) -> bool:
    found = next(f for f in fields(kind) if f.name == name)
    return not (found.default is MISSING and found.default_factory is MISSING)


def _expect(kind: type[T], value: object, place: str) -> T:
    if not isinstance(value, kind):
        raise BrokenPromise(f"{place} should be {kind.__name__}")
    return value
