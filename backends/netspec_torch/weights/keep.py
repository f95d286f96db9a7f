"""Write the weights that a spec starts with if it takes over what fits of a file: all at once, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from netspec.recipe.spec import Spec
from netspec.weights.report import Report
from netspec_torch.export.write import packed
from netspec_torch.module import assemble
from netspec_torch.place import placed
from netspec_torch.weights.put import load


def keep(
    spec: Spec,
    weights: Path,
    output: Path,
    *,
    pairs: Mapping[str, str] | None = None,
    strict: bool = False,
    force: bool = False,
) -> Report:
    """The report of what was taken, once the file is in its place.

    What is new starts as it would in a training: from the seed of the recipe. Raises SpecError: what `put.load` raises,
    NS747 where the file is there already and `force` is not given, NS746 where it cannot be written. The file holds the
    whole spec, so that `netspec.from_pretrained` makes the model of it.
    """
    seed = spec.training.seed if spec.training else 0
    group = spec.group.graph if spec.group else None
    model = assemble(
        spec.graph, name=spec.name, doc=spec.doc, digest=spec.digest, group=group, seed=seed
    ).model
    with placed(output, force=force) as beside:
        report = load(model, weights, spec=spec, pairs=pairs, strict=strict)
        beside.write_bytes(packed(spec, model))
    return report
