"""The schema for editors takes what the language takes, marks what is misspelt, and has the docs of everything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given

from netspec.cli.schema import schema as command
from netspec.front import check_source
from netspec.lang.document import SECTIONS
from netspec.lang.names import STRUCTURE, WIRES
from netspec.lang.tree import Mapping, Node, Scalar, Sequence
from netspec.lang.yaml import read
from netspec.ops import written
from netspec.recipe.chain import TRANSFORMS
from netspec.recipe.initializer import INITIALIZERS
from netspec.recipe.optimizer import OPTIMIZERS
from netspec.recipe.schedule import SCHEDULES
from netspec.recipe.source import SOURCES
from netspec.reference.described import arguments, first_sentence
from netspec.reference.schema import schema, schema_text
from netspec.text import Source, SpecError
from tests.conformance.test_whole_specs import drafts

jsonschema = pytest.importorskip(
    "jsonschema", reason="install '.[dev]': the schema is tested with jsonschema"
)

SPECS = Path(__file__).parents[2] / "specs"
EXAMPLES = Path(__file__).parents[3] / "shared" / "language"
"""Whole specs in the language's full form, where a checkout has them beside it."""

GOLDEN = Path(__file__).parents[1] / "golden"
SCHEMA = schema()
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def data(node: Node) -> Any:
    """A tree as plain data, scalars as netspec reads them."""
    if isinstance(node, Mapping):
        return {entry.name: data(entry.value) for entry in node}
    if isinstance(node, Sequence):
        return [data(item) for item in node]
    assert isinstance(node, Scalar)
    return node.value


def errors(text: str) -> list[str]:
    """Where the schema marks a text, innermost complaints first, each as its path."""
    root, found, _ = read(Source("spec.yaml", text))
    assert root is not None, found
    marked = VALIDATOR.iter_errors(data(root))
    return [f"{'/'.join(map(str, jsonschema.exceptions.best_match([one]).absolute_path))}" for one in marked]


def whole(text: str) -> str:
    return f"netspec: 1\ninputs: {{x: [1, 8, 8]}}\n{text}"


def test_the_schema_is_itself_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_the_file_in_specs_is_what_the_code_makes(update_golden: bool) -> None:
    path = SPECS / "netspec.schema.json"
    if update_golden:
        path.write_text(schema_text(), "utf-8")
    assert path.read_text("utf-8") == schema_text(), "run with --update-golden and look at the difference"


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_spec_of_ours_is_good(path: Path) -> None:
    assert errors(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", sorted(GOLDEN.rglob("*.fixed.yaml")), ids=lambda path: path.name)
def test_every_mistake_that_was_mended_is_good(path: Path) -> None:
    assert errors(path.read_text("utf-8")) == []


@given(drafts())
def test_what_netspec_accepts_the_schema_accepts(text: str) -> None:
    if check_source(Source("random.yaml", text), Path())[0] is not None:
        assert errors(text) == []


RECIPES = {
    "imagenet.yaml", "unet2d.yaml",
}  # fmt: skip
"""Examples whose recipe names sources, transforms or optimizers that are not built: the rest of them is checked."""


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("*.yaml")) or [None], ids=lambda path: path and path.name
)
def test_every_example_of_the_whole_language_is_good(path: Path | None) -> None:
    if path is None:
        pytest.skip("the examples of the whole language are not beside this checkout")
    found = errors(path.read_text("utf-8"))
    waiting = [one for one in found if one.split("/")[0] in ("data", "training")]
    assert found == waiting
    assert bool(waiting) == (path.name in RECIPES)


@pytest.mark.parametrize(
    "text, at",
    [
        ("layres: [relu]", ""),
        ("layers: [{conv: {out_chanels: 3, kernel_size: 3}}]", "layers/0/conv"),
        ("layers: [{conv: {kernel_size: 3}}]", "layers/0/conv"),
        ("layers: [conv]", "layers/0"),
        ("layers: [{conv: {out_channels: 3.5, kernel_size: 3}}]", "layers/0/conv/out_channels"),
        ("layers: [{relu, nmae: a}]", "layers/0"),
        ("layers: [{relu, max_pool: 2}]", "layers/0"),
        ("layers: [{name: a}]", "layers/0"),
        ("layers: [{dropout: 2}]", "layers/0/dropout"),
        ("layers: {a: relu}", "layers"),
        ("inputs: {x: {shape: [1, 8, 8], knd: image}}\nlayers: [relu]", "inputs/x"),
        ("inputs: {x: {shape: [1, 8, 8], kind: imag}}\nlayers: [relu]", "inputs/x/kind"),
        ("layers: [relu]\ntraining: {optimiser: {sgd: 0.1}}", "training"),
        ("layers: [relu]\ntraining: {optimizer: {sdg: 0.1}}", "training/optimizer"),
        ("layers: [relu]\ntraining: {optimizer: {sgd: {lr: 0.1, momentm: 0.9}}}", "training/optimizer/sgd"),
        ("layers: [relu]\ntraining: {schedule: [cosin]}", "training/schedule/0"),
        ("layers: [relu]\ndata: {sourc: digits}", "data"),
        ("layers: [relu]\ndata: {source: digits, transforms: [{resample: 2}]}", "data/transforms/0/resample"),
        ("layers: [relu]\ndata: {source: digits, split: {tran: 0.8}}", "data/split"),
        ("layers: [relu]\ninit: {conv: {weight: zeroes}}", "init/conv/weight"),
        ("layers: [relu]\nlint: {ignroe: {NS320: why}}", "lint"),
        ("layers: [relu]\nlint: {ignore: {N320: why}}", "lint/ignore"),
        ("layers: [relu]\nlint: {rules: {heavy_layer: {shar: 0.8}}}", "lint/rules/heavy_layer"),
        ("layers: [relu]\naggregate: {by: patient, output: {}}", "aggregate"),
        ("layers: [{residual: {layer: [relu]}}]", "layers/0/residual"),
        ("layers: [relu]\nblocks: {a: {parms: {n: int}, layers: [relu]}}", "blocks/a"),
    ],
)  # fmt: skip
def test_what_is_misspelt_or_out_of_bounds_is_marked_where_it_stands(text: str, at: str) -> None:
    text = text if text.startswith("inputs") else f"inputs: {{x: [1, 8, 8]}}\n{text}"
    found = errors(f"netspec: 1\n{text}\n")
    assert found
    assert all(at.startswith(one) or one.startswith(at) for one in found), found
    assert at in found or any(one.startswith(at) for one in found), found


@pytest.mark.parametrize(
    "layer",
    [
        "my_block: {channels: 3, kernel_size: [1, 2]}",
        "heart.conv_norm: 32",
        "$activation",
        "{my_block, name: a, from: [b, _], when: stride == 1}",
        "{conv: {out_channels: $width, kernel_size: $size, stride: [$s, 1]}, repeat: $depth}",
        "{concat, from: [a, b]}",
        "concat: {branches: {a: [relu], b: []}}",
        "sub: {branches: {a: [relu], b: []}}",
        "{map: {axis: slice, where: present, layers: [relu]}, from: cine}",
        "{layers: [relu, {conv: {out_channels: 3, kernel_size: 1}}], when: a > 1, name: down}",
        "normal_cdf: {mu: m, sigma: s, bins: 600}",
        "{formula: 1 + exp(a), name: b, as: {unit: ml}}",
        "{parameter: {shape: []}, init: {value: {constant: 1}}, name: temperature}",
        "{reuse: trunk, from: right}",
        "{linear: 1, init: {bias: {constant: 70}}, freeze: [weight, bias]}",
        "{rename: {time: channel}}",
        "softmax:",
    ],
)
def test_what_the_language_has_is_good(layer: str) -> None:
    assert errors(whole(f"layers:\n  - {layer}\n")) == []


def test_a_spec_that_extends_another_may_take_away_and_edit_by_name() -> None:
    text = "netspec: 1\nextends: other.yaml\nlayers: {a: null, b: [softmax, cumsum], c: {freeze: true}}\n"
    assert errors(f"{text}metrics: {{m: null}}\ntraining: {{optimizer: {{sgd: {{momentum: 0.8}}}}}}\n") == []


def test_the_docs_of_every_op_and_argument_stand_in_it() -> None:
    named = SCHEMA["definitions"]["layer"]["anyOf"][-1]["properties"]
    for name, kind in written().items():
        assert named[name]["description"] == first_sentence(kind)
        if getattr(kind, "free_arguments", False):
            continue
        (inside,) = (one for one in named[name].get("anyOf", [named[name]]) if "properties" in one)
        assert {one.name: one.says for one in arguments(kind)} == {
            key: inside["properties"][key]["description"] for key in (one.name for one in arguments(kind))
        }


def test_sections_wires_structure_and_the_whole_recipe_stand_in_it() -> None:
    layer = SCHEMA["definitions"]["layer"]["anyOf"][-1]["properties"]
    assert set(SCHEMA["properties"]) == set(SECTIONS)
    assert {*WIRES, *STRUCTURE} <= set(layer)
    assert all(part["description"] for part in SCHEMA["properties"].values())
    assert all(layer[name]["description"] for name in WIRES)
    text = schema_text()
    for table in (SOURCES, TRANSFORMS, OPTIMIZERS, SCHEDULES, INITIALIZERS):
        for kind in table.values():
            assert json.dumps(first_sentence(kind), ensure_ascii=False) in text


def test_the_command_prints_the_schema_or_writes_it(tmp_path: Path) -> None:
    shown = CliRunner().invoke(command, [], catch_exceptions=False)
    assert json.loads(shown.stdout) == SCHEMA
    done = CliRunner().invoke(command, ["-o", str(tmp_path / "s.json")], catch_exceptions=False)
    assert f"$schema={tmp_path / 's.json'}" in done.stdout
    assert json.loads((tmp_path / "s.json").read_text("utf-8")) == SCHEMA
    with pytest.raises(SpecError, match="NS746"):
        CliRunner().invoke(command, ["-o", str(tmp_path / "no" / "s.json")], catch_exceptions=False)


def test_a_block_may_be_just_its_list_of_layers() -> None:
    head = "netspec: 1\ninputs: {x: [1, 8, 8]}\nlayers: [twice]\n"
    assert errors(head + "blocks: {twice: [relu, {tanh, name: t}]}\n") == []
    assert errors(head + "blocks: {twice: [relu, {tanh, nmae: t}]}\n")
