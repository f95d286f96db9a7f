"""Load the states of torchvision's own modules into the zoo and compare what both give; a script, not collected.

It needs torchvision, which needs a torch of its own, and so an environment of its own:

    python3 -m venv /tmp/tv && /tmp/tv/bin/pip install torch==2.14.1 torchvision==0.29.1 pydantic click pyyaml numpy
    PYTHONPATH=.:backends /tmp/tv/bin/python -m tests.specs.torchvision_by_script

Weights are torchvision's own first values and every running statistic is drawn anew, so that no norm is the identity;
no file is fetched. Each state is saved by `torch.save`, read back as any stranger's file, and matched by names and
shapes alone. The record is tests/golden/torchvision_weights.json.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from netspec.front import load as load_spec
from netspec_torch.module import compile as compile_graph
from netspec_torch.weights.put import load
from tests.specs.published import MODULES, Module

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "tests" / "golden" / "torchvision_weights.json"


def theirs(made: Module) -> nn.Module:
    """Torchvision's module with its own first values and running statistics of a network that has seen pictures."""
    torchvision = importlib.import_module("torchvision")
    torch.manual_seed(7)
    model: nn.Module = torchvision.models.get_model(made.builder, weights=None, **made.arguments)
    for key, value in model.state_dict().items():
        if key.endswith("running_mean"):
            value.normal_(0, 0.1)
        elif key.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif key.endswith("num_batches_tracked"):
            value.fill_(1000)
    return model.eval()


def given(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """The outputs of a model by name."""
    with torch.no_grad():
        found: Any = model(x)
    return dict(found) if isinstance(found, dict) else {"logits": found}


def compared(name: str, made: Module) -> dict[str, Any]:
    """How one network of the zoo takes torchvision's state, and how far its outputs are from torchvision's."""
    spec = load_spec(ROOT / "specs" / "zoo" / f"{name}.yaml")
    other = theirs(made)
    ours = compile_graph(spec.graph, name=spec.name, seed=1).eval()
    with tempfile.TemporaryDirectory() as folder:
        torch.save(other.state_dict(), Path(folder, "weights.pth"))
        report = load(ours, Path(folder, "weights.pth"), spec=spec, strict=True)
    if report.unused:
        raise AssertionError(f"{name}: {report.summary}")
    x = torch.randn(made.shape, generator=torch.Generator().manual_seed(3))
    mine, expected = given(ours, x), given(other, x)
    apart = {key: float((mine[key] - expected[word]).abs().max()) for key, word in made.outputs.items()}
    size = {key: float(expected[word].abs().max()) for key, word in made.outputs.items()}
    return {"report": report.summary, "largest_difference": apart, "largest_output": size}


def main(names: list[str]) -> None:
    """Compare, and write the record down."""
    torchvision = importlib.import_module("torchvision")
    rows = {}
    for name in names or MODULES:
        rows[name] = compared(name, MODULES[name])
        sys.stdout.write(f"{name}: {json.dumps(rows[name])}\n")
    record = {
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "precision": "float32",
        "networks": rows,
    }
    if not names:
        RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
