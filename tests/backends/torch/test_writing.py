from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.facts import Facts
from netspec.ir.graph import Graph, Ref
from netspec.ir.types import tensor
from netspec.ops.activation import Sigmoid
from netspec.ops.arithmetic import Mul
from netspec.ops.conv import Conv
from netspec.ops.distribution_loss import Crps
from netspec.ops.linear import Linear
from netspec.ops.reduce import Mean
from netspec.ops.slicing import Unbind
from netspec_torch.module import assemble
from netspec_torch.printer import LIMIT
from netspec_torch.writing import text
from tests.backends.torch.build import Build
from tests.backends.torch.graphs import classifier, regression

GOLDEN = Path(__file__).parents[2] / "golden" / "compile"

ALONE = """
import json, sys
for taken in ("netspec", "netspec_torch", "netspec_numpy", "pydantic", "yaml"):
    sys.modules[taken] = None  # importing it is an error now
import torch
def run(path, model, inputs, targets):
    space = {"__name__": "written"}
    exec(compile(open(path, encoding="utf-8").read(), path, "exec", dont_inherit=True), space)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = space[model]()
    torch.manual_seed(1)
    outputs = made(*[torch.tensor(one) for one in inputs])
    loss = space["Loss"]()(outputs, {key: torch.tensor(one) for key, one in targets.items()})
    loss.backward()
    found = outputs if isinstance(outputs, dict) else {"": outputs}
    return {
        "outputs": {key: one.tolist() for key, one in found.items()},
        "loss": loss.item(),
        "gradients": {key: None if one.grad is None else one.grad.tolist() for key, one in made.named_parameters()},
        "state": {key: one.tolist() for key, one in made.state_dict().items()},
    }
json.dump([run(**one) for one in json.load(sys.stdin)], sys.stdout)
"""


def cases() -> list[tuple[Graph, list[torch.Tensor], dict[str, torch.Tensor]]]:
    torch.manual_seed(2)
    return [
        (classifier(), [torch.rand(4, 2, 8, 8)], {"label": torch.tensor([0, 1, 2, 0])}),
        (
            regression(),
            [torch.rand(3, 4), torch.rand(3, 4)],
            {"near": torch.rand(3, 3), "far": torch.rand(3, 3)},
        ),
    ]


def test_the_written_file_needs_torch_alone_and_is_the_live_module_exactly(tmp_path: Path) -> None:
    wanted, asked = [], []
    for i, (graph, inputs, targets) in enumerate(cases()):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # without a seed of ours, first values are those that the file draws
            made = assemble(graph, name=f"net {i}")
        assert made.loss is not None
        torch.manual_seed(1)
        outputs = made.model(*inputs)
        loss = made.loss(outputs, targets)
        loss.backward()
        wanted.append(
            {
                "outputs": {key: one.tolist() for key, one in outputs.items()},
                "loss": loss.item(),
                "gradients": {
                    key: None if one.grad is None else one.grad.tolist()
                    for key, one in made.model.named_parameters()
                },
                "state": {key: one.tolist() for key, one in made.model.state_dict().items()},
            }
        )
        file = tmp_path / f"net{i}.py"
        file.write_text(made.source.text, encoding="utf-8")
        asked.append(
            {
                "path": str(file),
                "model": made.source.model,
                "inputs": [one.tolist() for one in inputs],
                "targets": {key: one.tolist() for key, one in targets.items()},
            }
        )
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", ALONE],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == wanted


def test_writing_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['numpy'] = None\n"
        "from tests.backends.torch.graphs import classifier\n"
        "from netspec_torch.writing import text\n"
        "print(len(text(classifier(), name='net')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) > 1000


@pytest.mark.parametrize("make", [classifier, regression])
def test_the_written_file_is_as_it_was_read_and_approved(
    make: Callable[[], Graph], update_golden: bool
) -> None:
    written = text(
        make(), name=f"small {make.__name__}", doc="A small network.\n\nIt is an example.", digest="0" * 64
    )
    golden = GOLDEN / f"{make.__name__}.py.txt"
    if update_golden:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(written, encoding="utf-8")
    assert written == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("make", [classifier, regression])
def test_the_written_file_passes_the_default_lint(make: Callable[[], Graph], tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(text(make(), name="net"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_same_graph_is_written_in_the_same_words() -> None:
    assert text(classifier(), name="net") == text(classifier(), name="net")


def test_generated_lines_are_not_too_long() -> None:
    written = text(classifier(), name="net", doc="word " * 60)
    model = written[written.index("class Net") : written.index("class Running")]
    assert max(len(line) for line in model.splitlines()) <= LIMIT


NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from("\"'\\\n\r{}`#$\x00\u202e\u2028\ud800 import os"), st.characters(codec=None)
    ),
    max_size=60,
)


@given(NASTY, NASTY, NASTY)
def test_no_text_of_a_spec_becomes_code(name: str, doc: str, digest: str) -> None:
    made = text(regression(), name=name, doc=doc, digest=digest)
    assert _skeleton(made) == PLAIN
    assert all(letter.isprintable() or letter == "\n" for letter in made)


def _skeleton(written: str) -> str:
    """The tree without docstrings and without the name of the model's class."""
    tree = ast.parse(written)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0].value.value = ""
    first = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    first.name = "Model"
    return ast.dump(tree)


PLAIN = _skeleton(text(regression(), name="net"))


@pytest.mark.parametrize(
    "name",
    ["crps", "step", "torch", "F", "nn", "outputs", "targets", "totals", "self", "float", "x", "lambda"],
)
def test_names_of_values_hide_nothing_that_the_code_calls(name: str) -> None:
    at = Build(
        {name: tensor(batch="N", facts=Facts(low=0, high=4))}, **{f"{name}_in": tensor(batch="N", feature=4)}
    )
    at.use("linear1", Linear(out_features=5), f"{name}_in")
    at.use("layer", Sigmoid(), "linear1")
    at.use("loss.crps1", Crps(), "layer", name)
    at.use("loss.mean1", Mul(), "loss.crps1", "loss.crps1")
    graph = at.graph({name: "layer"}, loss={name: "loss.mean1"}, metrics={name: "loss.crps1"})
    made = assemble(graph, seed=0)
    assert made.loss is not None
    assert made.metrics is not None
    x, y = torch.rand(3, 4), torch.rand(3) * 4
    outputs = made.model(x)
    found = made.loss(outputs, y)
    steps = (torch.arange(5.0) >= y[:, None]).float()
    value = ((outputs - steps) ** 2).mean()
    torch.testing.assert_close(found, value * value)
    made.metrics.update(outputs, y)
    assert made.metrics.compute()[name] == pytest.approx(float(value.detach()), rel=1e-6)


def test_an_input_may_have_any_name() -> None:
    for name in ("x", "step", "self", "torch", "for_loss", "lambda", "_", "__mangled"):
        at = Build(**{name: tensor(batch="N", channel=2, height=4, width=4)})
        at.use("a", Conv(out_channels=2, kernel_size=1), name)
        at.use("b", Conv(out_channels=2, kernel_size=1), "a")
        at.use("c", Mul(), "b", name)
        model = assemble(at.graph({"c": "c"}, train={"a": "a"})).model
        assert model(torch.rand(1, 2, 4, 4))["c"].shape == (1, 2, 4, 4)


def test_several_values_of_one_op_are_unpacked() -> None:
    at = Build(x=tensor(batch="N", feature=2))
    at.use("unbind1", Unbind(axis="feature"), "x")
    at.use("mul1", Mul(), Ref("unbind1", 1), Ref("unbind1", 1))
    model = assemble(at.graph({"first": Ref("unbind1", 0), "square": "mul1"})).model
    x = torch.rand(3, 2)
    found = model(x)
    assert torch.equal(found["first"], x[:, 0])
    assert torch.equal(found["square"], x[:, 1] ** 2)


def test_an_output_may_be_an_input_and_a_value_of_the_loss_an_output() -> None:
    at = Build({"y": tensor(batch="N", feature=2)}, x=tensor(batch="N", feature=2))
    at.use("layer", Linear(out_features=2), "x")
    at.use("energy", Mean(), "layer")
    made = assemble(at.graph({"x": "x", "energy": "energy"}, loss={"energy": "energy"}))
    assert made.loss is not None
    outputs = made.model(torch.rand(3, 2))
    assert torch.equal(made.loss(outputs, torch.rand(3, 2)), outputs["energy"])
