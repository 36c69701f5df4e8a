"""The protos: generated code is fresh, buf's STANDARD rules hold, and JobSpec follows the domain's spec field by field."""

import shutil
import subprocess
import sys
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hongyan.v1 import jobs_pb2, spec_pb2

from actors.model.spec import JobSpec
from actors.model.states import JobState, RowState
from gateway.rpc import generate
from gateway.rpc.generate import differences

ROOT = Path(__file__).parents[2] / "proto"
PROTOS = sorted(str(p.relative_to(ROOT)) for p in ROOT.rglob("*.proto"))
FD = descriptor_pb2.FileDescriptorProto


def protoc(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I.", *arguments, *PROTOS], cwd=ROOT, check=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[FD]:
    target = tmp_path_factory.mktemp("protos") / "set"
    protoc(f"--descriptor_set_out={target}", "--include_source_info")
    return list(descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes()).file)


def test_generated_code_is_fresh():
    assert differences() == []


def test_stale_missing_and_left_over_code_is_named(tmp_path, monkeypatch, capsys):
    copy = tmp_path / "proto"
    shutil.copytree(ROOT, copy)
    monkeypatch.setattr(generate, "ROOT", copy)
    made = copy / "hongyan" / "v1"
    (made / "jobs_pb2.py").write_text("stale")
    (made / "spec_pb2.pyi").unlink()
    (made / "gone_pb2.py").write_text("left over")
    assert generate.main(["--check"]) == 1
    named = [line.split()[0] for line in capsys.readouterr().err.splitlines()]
    assert named == [f"proto/hongyan/v1/{n}" for n in ("gone_pb2.py", "jobs_pb2.py", "spec_pb2.pyi")]
    (made / "gone_pb2.py").unlink()
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_packages_and_options(files):
    for file in files:
        assert (file.package, Path(file.name).parent.as_posix()) == ("hongyan.v1", "hongyan/v1")
        options = file.options
        assert (options.java_package, options.java_multiple_files) == ("io.hongyan.v1", True)
        assert options.csharp_namespace == "Hongyan.V1"


def test_every_rpc_has_a_request_and_response_of_its_own(files):
    used: list[str] = []
    for file in files:
        for service in file.service:
            assert service.name.endswith("Service")
            for method in service.method:
                for name, suffix in ((method.input_type, "Request"), (method.output_type, "Response")):
                    assert name.removeprefix(".hongyan.v1.") in (
                        f"{method.name}{suffix}",
                        f"{service.name}{method.name}{suffix}",
                    )
                    used.append(name)
    assert len(used) == len(set(used))


def test_enums_are_prefixed_and_begin_unspecified(files):
    for file in files:
        for enum in file.enum_type:
            prefix = "".join(f"_{c}" if c.isupper() else c.upper() for c in enum.name).lstrip("_") + "_"
            assert [v.number for v in enum.value] == list(range(len(enum.value)))
            assert enum.value[0].name == f"{prefix}UNSPECIFIED"
            assert all(v.name.startswith(prefix) for v in enum.value)


def _named(kind: Any, path: tuple[int, ...]) -> list[tuple[tuple[int, ...], str]]:
    """Source paths and names of a message or enum and what is in it (map entries are made by the compiler)."""
    found = [(path, kind.name)]
    if isinstance(kind, descriptor_pb2.EnumDescriptorProto):
        return found + [((*path, 2, n), v.name) for n, v in enumerate(kind.value)]
    found += [((*path, 2, n), f.name) for n, f in enumerate(kind.field)]
    for n, inner in enumerate(kind.nested_type):
        found += [] if inner.options.map_entry else _named(inner, (*path, 3, n))
    return found


def test_everything_has_a_comment(files):
    for file in files:
        comments = {tuple(place.path) for place in file.source_code_info.location if place.leading_comments.strip()}
        wanted = [p for n, m in enumerate(file.message_type) for p in _named(m, (4, n))]
        wanted += [p for n, e in enumerate(file.enum_type) for p in _named(e, (5, n))]
        for n, service in enumerate(file.service):
            wanted.append(((6, n), service.name))
            wanted += [((6, n, 2, k), m.name) for k, m in enumerate(service.method)]
        assert [name for path, name in wanted if path not in comments] == []


SCALARS = {
    str: FieldDescriptor.TYPE_STRING,
    bool: FieldDescriptor.TYPE_BOOL,
    int: FieldDescriptor.TYPE_INT64,
    float: FieldDescriptor.TYPE_DOUBLE,
}


def _compare(kind: type, message: Descriptor) -> None:
    hints = get_type_hints(kind)
    ours = {f.name.removesuffix("_"): hints[f.name] for f in fields(kind)}
    assert list(ours) == [f.name for f in message.fields], kind
    for field in message.fields:
        hint = ours[field.name]
        element = get_args(hint)[0] if get_args(hint) else hint
        if is_dataclass(element):
            assert field.is_repeated == (hint is not element)
            _compare(element, field.message_type)
        elif field.name == "retry_for":
            assert field.message_type.full_name == "google.protobuf.Duration"
        elif field.name == "suppress":
            assert field.message_type.name == "Scopes"  # to tell "none" from "left out"
        elif isinstance(hint, type) and issubclass(hint, StrEnum):
            assert [v.name for v in field.enum_type.values][1:] == [f"ON_DOUBT_{m.name}" for m in hint]
        elif field.message_type is not None:
            assert field.message_type.GetOptions().map_entry
            key, value = get_args(hint)
            assert key is str
            if is_dataclass(value):
                _compare(value, field.message_type.fields_by_name["value"].message_type)
            else:
                assert value is str
        elif NoneType in get_args(hint):
            assert field.has_presence or element is datetime  # times as ISO 8601
            assert field.type == SCALARS.get(element, FieldDescriptor.TYPE_STRING)
        else:
            assert field.type == SCALARS.get(hint, FieldDescriptor.TYPE_STRING)  # tuples of text; times as ISO 8601


def test_job_spec_maps_one_to_one():
    _compare(JobSpec, spec_pb2.JobSpec.DESCRIPTOR)


def test_states_map_one_to_one():
    assert [v.name for v in jobs_pb2.RowState.DESCRIPTOR.values][1:] == [f"ROW_STATE_{s.name}" for s in RowState]
    assert [v.number - 1 for v in jobs_pb2.RowState.DESCRIPTOR.values][1:] == [int(s) for s in RowState]
    assert [v.name for v in jobs_pb2.JobState.DESCRIPTOR.values][1:] == [f"JOB_STATE_{s.name}" for s in JobState]
    assert [f.name for f in jobs_pb2.Counts.DESCRIPTOR.fields] == [s.label for s in RowState]


def test_defaults_that_are_not_zero_can_be_told_from_left_out():
    """A field whose default differs from the wire's zero needs presence, or an empty text that means nothing else."""
    assert [f.name for f in spec_pb2.ContentSpec.DESCRIPTOR.fields if f.has_presence] == [
        "one_click",
        "max_render_errors",
        "gates",
    ]
    assert [f.name for f in spec_pb2.RulesSpec.DESCRIPTOR.fields if f.has_presence] == ["dedupe", "suppress"]
