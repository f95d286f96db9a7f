"""The file that is written of every spec: it is what is compiled and proved, and it reads as a person's code does."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netspec.front import load
from netspec.ir.graph import Graph
from netspec.ir.types import TensorType
from netspec.recipe.spec import Spec
from netspec_torch.blocks.signatures import DEFAULTS, POSITIONAL
from netspec_torch.file import Source
from netspec_torch.module import construct, execute
from netspec_torch.printer import LIMIT
from netspec_torch.writing import FOR_LOSS, observed, write
from tests.specs.whole import FOLDER, WHOLE

STRUCTURES = sorted((Path(__file__).parents[2] / "golden" / "written").glob("*.yaml"))
PATHS = [*WHOLE, *STRUCTURES]
FULL = ("vgg16_bn", "inception_v3")
"""Networks whose layers ask for the size that they were made for."""

LONG = (*FULL, "densenet121", "r2plus1d_18")
"""Networks that take some ten seconds or more."""

each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
run = pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=pytest.mark.slow if path.stem in LONG or path.parent.name == "labs" else ())
        for path in PATHS
    ],
    ids=lambda path: path.stem,
)


@cache
def read(path: Path) -> Spec:
    return load(path)


@cache
def source(path: Path) -> Source:
    spec = read(path)
    group = spec.group.graph if spec.group else None
    return write(spec.graph, name=spec.name, doc=spec.doc, digest=spec.digest, group=group)


def draw(kind: TensorType, shape: list[int], rng: np.random.Generator) -> Tensor:
    """Numbers of which the type is true."""
    if kind.dtype == "bool":
        return torch.tensor(rng.random(shape) < 0.7)
    if kind.facts.classes is not None:
        return torch.tensor(rng.integers(0, kind.facts.classes, shape))
    low, high = max(kind.facts.low, -3.0), min(kind.facts.high, 600.0)
    return torch.tensor(rng.uniform(low, high, shape), dtype=torch.float32)


def inputs(path: Path) -> list[Tensor]:
    """Two samples, as small as the network allows."""
    rng = np.random.default_rng(0)
    found = []
    for kind in read(path).graph.inputs.values():
        shape = [2]
        for axis in kind.axes[1:]:
            letters = {letter: 32 if letter in "HW" else 8 for letter in axis.size.symbols}
            size = axis.size.evaluate(letters)
            shape.append(size if size != 224 or path.stem in FULL else 64)
        found.append(draw(kind, shape, rng))
    return found


def fresh(made: Source) -> nn.Module:
    """The model with the first values that its own code draws, in training, and with dropout that drops nothing."""
    torch.manual_seed(0)
    model = construct(execute(made), made.model, None)
    quiet(model)
    return model


def quiet(model: nn.Module) -> None:
    """Let dropout drop nothing: in which order its layers draw is no part of what is compared."""
    for module in model.modules():
        if isinstance(module, (nn.Dropout, nn.Dropout2d, nn.Dropout3d)):
            module.p = 0.0


def answers(spec: Spec, model: nn.Module, given: list[Tensor]) -> dict[str, Tensor]:
    """What the model gives for the loss, by the text of its Ref."""
    entry = {**spec.graph.entry("predict"), **spec.graph.entry("train")}
    extra = any(key not in spec.graph.entry("predict") for key in entry)
    found = model(*given, **({FOR_LOSS: True} if extra else {}))
    named = found if isinstance(found, dict) else dict.fromkeys(spec.graph.entry("predict"), found)
    return {str(entry[key]): value for key, value in named.items()}


def gradients(model: nn.Module, values: dict[str, Tensor]) -> dict[str, Tensor | None]:
    squares = [value.square().mean() for value in values.values() if value.requires_grad]
    torch.autograd.backward(torch.stack(squares).sum())
    return {key: one.grad for key, one in model.named_parameters()}


def ordered(graph: Graph) -> Graph:
    """The graph in the order in which a model computes: first its outputs, then what the loss reads besides.

    Gradients that meet are added in the order in which values were used.
    """
    first = {node.path for node in graph.walk("predict")}
    return replace(graph, nodes=tuple(sorted(graph.nodes, key=lambda node: node.path not in first)))


@run
def test_layers_and_parameters_hang_where_the_graph_has_them_and_in_its_order(path: Path) -> None:
    spec = read(path)
    model = fresh(source(path))
    flat = fresh(observed(spec.graph, list(spec.graph.inputs)))
    assert list(model.state_dict()) == list(flat.state_dict())
    assert [key for key, _ in model.named_parameters()] == [key for key, _ in flat.named_parameters()]
    leaves = [[key for key, one in made.named_modules() if not any(one.children())] for made in (model, flat)]
    assert leaves[0] == leaves[1]
    for key, value in flat.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), f"{key} starts from other numbers"
    held = {key for key, one in flat.named_parameters() if not one.requires_grad}
    assert held == {key for key, one in model.named_parameters() if not one.requires_grad}


@run
def test_classes_and_loops_compute_what_the_flat_lowering_computes_bit_by_bit(path: Path) -> None:
    spec, given = read(path), inputs(path)
    model = fresh(source(path))
    flat = fresh(observed(ordered(spec.graph), list(spec.graph.inputs)))
    flat.load_state_dict(model.state_dict())
    found = answers(spec, model, given)
    everything = flat(*given)
    wanted = {key: everything[key] for key in found}
    for key, value in wanted.items():
        assert torch.equal(found[key], value), f"`{key}` differs"
    ours, theirs = gradients(model, found), gradients(flat, wanted)
    for key, one in theirs.items():
        other = ours[key]
        assert (one is None) == (other is None), key
        assert one is None or other is None or torch.equal(one, other), f"the gradient of `{key}` differs"
    for key, value in flat.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), f"{key} is updated otherwise"


@each
def test_the_text_is_the_same_each_time_and_has_no_long_lines(path: Path) -> None:
    spec = load(path)
    group = spec.group.graph if spec.group else None
    again = write(spec.graph, name=spec.name, doc=spec.doc, digest=spec.digest, group=group)
    assert again.text == source(path).text
    assert max(map(len, again.text.splitlines())) <= LIMIT


def test_the_files_are_formatted_and_clean_for_ruff(tmp_path: Path) -> None:
    rules = "E,F,W,I,UP,B,SIM,PIE,C4"
    for path in PATHS:
        (tmp_path / f"{path.stem.replace('-', '_')}.py").write_text(source(path).text, encoding="utf-8")
    line = ["--isolated", "--line-length", str(LIMIT), "--target-version", "py311", "--no-cache"]
    for command in (["check", "--select", rules], ["format", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", command[0], *line, *command[1:], str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def names_of(tree: ast.AST) -> Iterator[str]:
    for one in ast.walk(tree):
        if isinstance(one, ast.Name):
            yield one.id
        elif isinstance(one, ast.Attribute):
            yield one.attr


@each
def test_every_class_function_and_parameter_is_used(path: Path) -> None:
    tree = source(path).tree
    made = [one for one in tree.body if isinstance(one, (ast.ClassDef, ast.FunctionDef))]
    outside = {source(path).model, "Loss", "Metrics", "GroupMetrics", "Aggregate"}
    for one in made:
        elsewhere = [other for other in made if other is not one]
        assert one.name in outside or any(one.name in names_of(other) for other in elsewhere), one.name
    for one in made:
        for method in one.body if isinstance(one, ast.ClassDef) and one.name != "Running" else ():
            if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                body = {name for statement in method.body for name in names_of(statement)}
                assert {arg.arg for arg in method.args.args[1:]} <= body, one.name


GOLDEN = Path(__file__).parents[2] / "golden" / "compile"
SHOWN = ("resnet18", "unet2d", "heart-volume", "mobilenet_v3_large", *(path.stem for path in STRUCTURES))


@pytest.mark.parametrize("name", SHOWN)
def test_the_files_are_as_they_were_read_and_approved(name: str, update_golden: bool) -> None:
    (path,) = (path for path in PATHS if path.stem == name)
    golden = GOLDEN / f"{name}.py.txt"
    if update_golden:
        golden.write_text(source(path).text, encoding="utf-8")
    assert source(path).text == golden.read_text(encoding="utf-8")


def test_the_page_of_structure_shows_what_is_written() -> None:
    shown = (FOLDER / "structure.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    assert shown in source(FOLDER / "zoo" / "resnet50.yaml").text


@pytest.mark.parametrize("called", sorted(key for key in {*DEFAULTS, *POSITIONAL} if key.startswith("nn.")))
def test_what_is_known_of_arguments_is_what_torch_says(called: str) -> None:
    known = inspect.signature(getattr(nn, called.removeprefix("nn."))).parameters
    for key, default in DEFAULTS.get(called, {}).items():
        assert known[key].default == default, key
    assert list(known)[: len(POSITIONAL.get(called, ()))] == list(POSITIONAL.get(called, ()))


ALONE = """
import hashlib, importlib.util, json, sys
for taken in ("netspec", "netspec_torch", "netspec_numpy", "pydantic", "yaml"):
    sys.modules[taken] = None  # importing it is an error now
import torch
from torch import nn
torch.set_num_threads(1)
def digest(values):
    found = hashlib.sha256()
    for value in values:
        found.update(b"none" if value is None else value.detach().numpy().tobytes())
    return found.hexdigest()
def told(model, inputs, extra):
    for module in model.modules():
        if isinstance(module, (nn.Dropout, nn.Dropout2d, nn.Dropout3d)):
            module.p = 0.0
    first = {key: digest([one]) for key, one in model.state_dict().items()}
    outputs = model(*inputs, **extra)
    named = outputs if isinstance(outputs, dict) else {"": outputs}
    torch.stack([one.square().mean() for one in named.values() if one.requires_grad]).sum().backward()
    gradients = {key: digest([one.grad]) for key, one in model.named_parameters()}
    return {"state": first, "outputs": {key: digest([one]) for key, one in named.items()}, "gradients": gradients}
def imported(path):
    spec = importlib.util.spec_from_file_location("written_" + path.rpartition("/")[2][:-3], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
if __name__ == "__main__":
    found = []
    for one in json.load(sys.stdin):
        torch.manual_seed(0)
        model = getattr(imported(one["path"]), one["model"])()
        found.append(told(model, torch.load(one["inputs"], weights_only=True), one["extra"]))
    json.dump(found, sys.stdout)
"""


@pytest.mark.parametrize(
    "paths",
    [
        [path for path in PATHS if path.stem not in LONG and path.parent.name != "labs"],
        pytest.param(
            [path for path in PATHS if path.stem in LONG or path.parent.name == "labs"],
            marks=pytest.mark.slow,
        ),
    ],
    ids=["most", "the rest"],
)
def test_a_process_without_netspec_gets_the_same_numbers_from_the_files(
    paths: list[Path], tmp_path: Path
) -> None:
    """The sums of outputs, first values and gradients of the files that were written, and of what is compiled here."""
    here: dict[str, Any] = {"__name__": "here"}
    body = ALONE.replace("sys.modules[taken] = None", "pass")
    exec(compile(body, "alone", "exec"), here)
    wanted, asked = [], []
    for path in paths:
        spec, made = read(path), source(path)
        entry = spec.graph.entry("train")
        extra = (
            {FOR_LOSS: True}
            if any(ref not in spec.graph.entry("predict").values() for ref in entry.values())
            else {}
        )
        torch.manual_seed(0)
        wanted.append(here["told"](construct(execute(made), made.model, None), inputs(path), extra))
        file, numbers = tmp_path / f"{path.stem}.py", tmp_path / f"{path.stem}.pt"
        file.write_text(made.text, encoding="utf-8")
        torch.save(inputs(path), numbers)
        asked.append({"path": str(file), "inputs": str(numbers), "model": made.model, "extra": extra})
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", ALONE],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == wanted
