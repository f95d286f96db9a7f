"""Exporting a checked spec: what stays free, what the file is tried on, and the backend that writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from netspec.backend import Exported, Exporter, find
from netspec.passes.fold import fold as merge_norms
from netspec.passes.refusals import refusals
from netspec.passes.specialize import specialize
from netspec.proof.trials import free_sizes, trials
from netspec.recipe.spec import Spec
from netspec.text import Severity, SpecError

FORMS = {".onnx": "onnx", ".pt2": "pt2", ".safetensors": "safetensors"}
"""What is written, by the suffix of the file."""


def exporter() -> Exporter:
    """The backend that writes models for others; SpecError where its packages are missing."""
    backend = find("torch")
    if not isinstance(backend, Exporter):
        raise SpecError.of("NS649", "the torch backend found here cannot export", help="update netspec")
    return backend


def form_of(output: Path, named: str | None) -> str:
    """What to write: as it is `named`, else as the suffix of the file says; SpecError NS756 where that says nothing."""
    form = named or FORMS.get(output.suffix.lower())
    if form is None:
        raise SpecError.of(
            "NS756",
            f"`{output.name}` does not say what to write: its suffix is `{output.suffix}`",
            help=f"end it with {', '.join(f'`{one}`' for one in FORMS)}, or say `--to onnx`",
        )
    return form


def export(
    spec: Spec,
    output: Path,
    *,
    to: str | None = None,
    weights: Path | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int | None = None,
    fold: bool = False,
    force: bool = False,
) -> Exported:
    """Write a spec's model in evaluation as a file for others, checked and tried before it is in its place.

    `to` is `onnx`, `pt2` or `safetensors`, else the suffix of `output` says it. `weights` names a file of weights or
    the folder of a run; without it the model has the first values of `seed`. `sizes` makes numbers of letters, which
    else stay free. `fold` folds norms into the layers before them. Raises SpecError.
    """
    form = form_of(output, to)
    if form == "safetensors" and (sizes or fold):
        what = "`--fold`" if fold else "`--sizes`"
        raise SpecError.of(
            "NS756",
            f"a safetensors file holds the spec's own weights for all of its sizes: there is nothing for {what}",
            help=f"leave {what} out, or write `.onnx` or `.pt2`",
        )
    if sizes:
        spec = _at(spec, sizes)
    free = free_sizes(spec.graph) if form != "safetensors" else ()
    return exporter().deliver(
        spec,
        output,
        form=form,
        free=free,
        trials=trials(spec.graph, free) if form != "safetensors" else (),
        weights=weights,
        seed=seed if seed is not None else spec.training.seed if spec.training else 0,
        inference=merge_norms(spec.graph) if fold else None,
        force=force,
    )


def _at(spec: Spec, sizes: Mapping[str, int]) -> Spec:
    """The spec at these sizes; SpecError where a layer cannot take them."""
    found = [one for one in refusals(spec.graph, sizes) if one.severity is Severity.ERROR]
    if found:
        raise SpecError(found)
    return replace(spec, graph=specialize(spec.graph, sizes))
