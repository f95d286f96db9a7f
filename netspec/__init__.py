"""netspec: a CNN, its loss, its data and its training in one YAML file, read as a compiler reads a program.

    spec = netspec.load("specs/heart-volume.yaml", define={"width": 64})    # checked; SpecError holds all that is wrong
    model = netspec.compile(spec)                                           # an ordinary torch.nn.Module
    loss = netspec.loss(spec)                                               # the loss of the spec, a module too
    report = netspec.load_weights(model, "resnet50.pth")                    # what fits of them, told layer by layer
    result = netspec.train(spec)                                            # a run folder, and what the model is worth
    netspec.export(spec, "model.onnx", weights=result.folder)               # a file for others, checked and tried
    model = netspec.from_pretrained("model.safetensors")                    # spec and weights from one file

`load` needs no torch; `train` needs the extra `train`, ONNX files the extra `onnx`, everything else the extra `torch`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netspec.text import Diagnostic, SpecError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from netspec.backend import Exported, RunResult
    from netspec.recipe.spec import Spec
    from netspec.recover.imported import Imported
    from netspec.weights.report import Report

__version__ = "0.1.0"
__all__ = [
    "Diagnostic",
    "SpecError",
    "compile",
    "export",
    "for_inference",
    "from_module",
    "from_pretrained",
    "load",
    "load_weights",
    "loss",
    "train",
]


def load(path: str | Path, define: Mapping[str, Any] | None = None) -> Spec:
    """The checked spec at `path`, with constants of its `define` set to other values of the same type.

    Raises SpecError, whose `diagnostics` hold everything that is wrong; warnings are in `Spec.diagnostics`.
    """
    from netspec.front import load as read  # noqa: PLC0415 - importing netspec costs nothing until it is used

    return read(path, define)


def compile(
    spec: Spec | str | Path, *, define: Mapping[str, Any] | None = None, seed: int | None = None
) -> nn.Module:
    """The model as an ordinary `nn.Module` in training mode, on the CPU.

    It takes the spec's inputs in declared order, batch first, and returns a tensor, or a dict in declared order where
    the spec has several outputs. Layers and `state_dict` keys carry the spec's names. With a `seed` the initial weights
    are always the same; without, they are drawn from torch's own generator. Raises SpecError.
    """
    checked = _checked(spec, define)
    module: nn.Module = _assembled(checked, seed=seed).model
    return module


def loss(spec: Spec | str | Path, *, define: Mapping[str, Any] | None = None) -> nn.Module:
    """The spec's loss as a module: `loss(outputs, targets)` is one number to differentiate.

    `outputs` is what the model returned in training mode, `targets` a tensor, or a dict by name where the spec has
    several. Raises SpecError, NS122 where the spec has no loss.
    """
    checked = _checked(spec, define)
    if not checked.graph.entry("loss"):
        raise SpecError.of(
            "NS122", f"the spec `{checked.name}` has no `loss`", help="`loss: crps(cdf, volume)`"
        )
    module: nn.Module = _assembled(checked, seed=None).loss
    return module


def _assembled(spec: Spec, *, seed: int | None) -> Any:
    """Everything the spec compiles to, from the very source that `netspec compile` writes."""
    from netspec.backend import find  # noqa: PLC0415

    group = spec.group.graph if spec.group else None
    return find("torch").assemble(
        spec.graph, name=spec.name, doc=spec.doc, digest=spec.digest, group=group, seed=seed
    )


def train(
    spec: Spec | str | Path,
    *,
    define: Mapping[str, Any] | None = None,
    runs: str | Path = "runs",
    resume: str | Path | None = None,
    device: str | None = None,
    plan: str | Mapping[str, Any] | None = None,
    precision: str | None = None,
    weights: str | Path | None = None,
) -> RunResult:
    """Train the spec on its data, as `netspec train` does, into a new folder in `runs` or on with the run `resume`.

    A new run starts from what fits of `weights`, a file or another run (see `load_weights`). The result names the run's
    folder and holds, as plain data, loss, metrics and the skill of distributions. `device` and `precision` replace the
    recipe's, and `plan` parts of its plan: `auto`, or as `{"compile": False}`. Raises SpecError, and ValueError for
    what is no part of a plan.
    """
    from pathlib import Path  # noqa: PLC0415

    from netspec.backend import Trainer, find  # noqa: PLC0415
    from netspec.recipe.plan import pins_of  # noqa: PLC0415

    backend = find("torch")
    if not isinstance(backend, Trainer):
        raise SpecError.of("NS649", "the torch backend found here cannot train", help="update netspec")
    checked = _checked(spec, define)
    going_on = None if resume is None else Path(resume)
    pins = pins_of(plan, precision)
    if going_on is not None and weights is not None:
        raise TypeError("a run goes on with its own weights; give `resume` or `weights`, not both")
    begun = None if weights is None else Path(weights)
    return backend.fit(checked, runs=Path(runs), resume=going_on, device=device, pins=pins, weights=begun)


def load_weights(
    model: nn.Module | Spec | str | Path,
    file: str | Path,
    *,
    spec: Spec | str | Path | None = None,
    map: Mapping[str, str] | None = None,
    strict: bool = False,
) -> Report:
    """Put what fits of a file of weights, or of a run, into `model`, and tell what became of every tensor.

    `model` is a module, which is changed in place, whole or not at all; or a spec, for which the report alone is made.
    With the module's own `spec`, the old spec of a run or a file tells what became of each layer; else names and shapes
    do. `map` has the user's own pairs: names of tensors, layers or blocks of the file, and here. With `strict` every
    tensor of the model must come from the file. Nothing in the file is executed. The report prints as a table; its
    `sources` are the file's names by the model's. Raises SpecError: NS760 to NS764 where the file cannot be read or
    trusted, NS765 to NS769 where it does not fit; the model is then as it was.
    """
    from pathlib import Path  # noqa: PLC0415

    from netspec.backend import Carrier, find  # noqa: PLC0415
    from netspec.recipe.spec import Spec  # noqa: PLC0415

    backend = find("torch")
    if not isinstance(backend, Carrier):
        raise SpecError.of("NS736", "the torch backend found here reads no weights", help="update netspec")
    path = Path(file)
    if not isinstance(model, (Spec, str, Path)):
        known = None if spec is None else _checked(spec, None)
        return backend.take(model, path, spec=known, pairs=map, strict=strict)
    from netspec.weights.carry import carried, held  # noqa: PLC0415

    report = carried(_checked(model, None), backend.listed(path), path, map)
    held(report, path.name, strict=strict)
    return report


def from_module(module: nn.Module, shapes: Sequence[tuple[int | str, ...]], *, name: str = "") -> Imported:
    """A module of torch as a spec, held to it by numbers on random inputs.

    `shapes` has one for each input, without the batch: `[(3, 224, 224)]`; a letter, `[(3, "H", "W")]`, is a size that
    stays free. The result has the `text`, and `save("net.yaml")` writes it with the module's weights beside it. Raises
    SpecError: NS773 for all that no op says, with its places; NS775 where the spec would give something else; NS782 to
    NS784 where the module cannot be followed.
    """
    from netspec.recover.imported import recovered  # noqa: PLC0415 - importing netspec costs nothing until it is used

    return recovered(module, shapes, name=name)


def from_pretrained(file: str | Path) -> nn.Module:
    """The model of a `.safetensors` file that `netspec export` wrote, in evaluation mode, on the CPU.

    The file holds its whole spec, which is checked as any other, and nothing in it is executed. Raises SpecError: NS753
    for a file without a spec, NS755 where the spec was changed, NS754 where the tensors are not the model's.
    """
    from pathlib import Path  # noqa: PLC0415

    from netspec.lang.files import PACKED, is_packed  # noqa: PLC0415
    from netspec.proof.export import exporter  # noqa: PLC0415

    path = Path(file)
    if not is_packed(path):
        raise SpecError.of(
            "NS753",
            f"`{path.name or path}` is not named as a weights file is",
            help=f"name one that ends with `{PACKED}`: `netspec export RUN -o model{PACKED}`",
        )
    module: nn.Module = exporter().restore(load(path), path)
    return module


def for_inference(
    spec: Spec | str | Path,
    *,
    weights: str | Path | nn.Module | Mapping[str, Any] | None = None,
    define: Mapping[str, Any] | None = None,
) -> nn.Module:
    """A model that predicts as the spec's does in evaluation, and is faster: its norms are folded into other layers.

    `weights` is a trained module of the spec, its state dict, a file of weights or the folder of a run; without, the
    weights that a `.safetensors` file named as `spec` holds. The new module has weights and a `state_dict` of its own,
    computed in float64: what was given stays as it is. Raises SpecError.
    """
    from pathlib import Path  # noqa: PLC0415

    from netspec.lang.files import is_packed  # noqa: PLC0415
    from netspec.passes.fold import fold  # noqa: PLC0415
    from netspec.proof.export import exporter  # noqa: PLC0415

    checked = _checked(spec, define)
    given: Any = weights
    if given is None and isinstance(spec, str | Path) and is_packed(Path(spec)):
        given = Path(spec)
    elif given is None:
        raise TypeError(
            "`for_inference` wants `weights`: a module, a state dict, a file or the folder of a run"
        )
    elif isinstance(given, str):
        given = Path(given)
    elif hasattr(given, "state_dict"):
        given = given.state_dict()
    module: nn.Module = exporter().merge(checked, fold(checked.graph), given)
    return module


def export(
    spec: Spec | str | Path,
    output: str | Path,
    *,
    to: str | None = None,
    weights: str | Path | None = None,
    define: Mapping[str, Any] | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int | None = None,
    fold: bool = False,
    force: bool = False,
) -> Exported:
    """Write a spec's model as `.onnx`, `.pt2` or `.safetensors`, as `netspec export` does.

    `weights` names a file of weights or the folder of a run. See `netspec.proof.export`. Raises SpecError.
    """
    from pathlib import Path  # noqa: PLC0415

    from netspec.proof.export import export as write  # noqa: PLC0415

    if weights is not None and not isinstance(weights, (str, Path)):
        raise TypeError(
            "`export` wants `weights` as a file or the folder of a run; of a module, "
            "`torch.save(model.state_dict(), 'weights.pt')` makes such a file"
        )

    return write(
        _checked(spec, define),
        Path(output),
        to=to,
        weights=None if weights is None else Path(weights),
        sizes=sizes,
        seed=seed,
        fold=fold,
        force=force,
    )


def _checked(spec: Spec | str | Path, define: Mapping[str, Any] | None) -> Spec:
    """The spec itself, or the one at a path."""
    from netspec.recipe.spec import Spec  # noqa: PLC0415

    if isinstance(spec, Spec):
        if define:
            raise TypeError("`define` changes a spec that is read from a path; give it to `netspec.load`")
        return spec
    return load(spec, define)
