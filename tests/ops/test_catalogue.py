from __future__ import annotations

import pkgutil

import pytest

from netspec import ops
from netspec.ir.op import Op


def test_the_list_of_families_is_what_the_files_tell() -> None:
    """An op that is told in a file and not listed could not be found; one listed twice would be told twice."""
    told: dict[str, set[str]] = {}
    for info in pkgutil.iter_modules(ops.__path__, "netspec.ops."):
        module = __import__(info.name, fromlist=["*"])
        kinds = (one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Op))
        if names := {kind.name for kind in kinds if kind.name and kind.__module__ == info.name}:
            told[info.name.rsplit(".", 1)[1]] = names
    assert {family: set(names.split()) for family, names in ops.FAMILIES.items()} == told
    listed = [name for names in ops.FAMILIES.values() for name in names.split()]
    assert len(listed) == len(set(listed))


def test_every_op_that_a_spec_may_call_is_found_by_its_name() -> None:
    assert list(ops.names()) == list(ops.written())
    assert all(ops.find(name) is kind for name, kind in ops.written().items())


def test_what_no_spec_may_call_is_found_by_no_name() -> None:
    assert {name for name, kind in ops.catalogue().items() if not kind.written} == ops.UNWRITTEN
    assert all(ops.find(name) is None for name in ops.UNWRITTEN)


@pytest.mark.parametrize("name", ["nothing", "", "nobody.op", "Conv", "conv1d"])
def test_a_name_of_nobody_finds_nothing(name: str) -> None:
    assert ops.find(name) is None
