"""Write the weights that a spec starts with if it takes over what fits of a file: all at once, or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file

from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec.text.shown import shown
from netspec.weights.report import Report
from netspec_torch.module import assemble
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
    NS747 where the file is there already and `force` is not given, NS746 where it cannot be written.
    """
    seed = spec.training.seed if spec.training else 0
    group = spec.group.graph if spec.group else None
    model = assemble(
        spec.graph, name=spec.name, doc=spec.doc, digest=spec.digest, group=group, seed=seed
    ).model
    if output.exists() and not force:
        raise _there(output)
    report = load(model, weights, spec=spec, pairs=pairs, strict=strict)
    state = {key: value.detach().contiguous().clone() for key, value in model.state_dict().items()}
    beside = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        save_file(state, beside, metadata={"format": "pt"})
        if force:
            beside.replace(output)
        else:
            os.link(beside, output)  # never over a file that came meanwhile
    except FileExistsError as trouble:
        raise _there(output) from trouble
    except (OSError, SafetensorError) as trouble:
        why = (getattr(trouble, "strerror", None) or "the disk refuses").lower()
        raise SpecError.of(
            "NS746", f"`{shown(output.name)}` cannot be written: {why}", help="choose another file with `-o`"
        ) from trouble
    finally:
        beside.unlink(missing_ok=True)
    return report


def _there(output: Path) -> SpecError:
    return SpecError.of(
        "NS747",
        f"`{shown(output.name)}` is there already",
        help="choose another file with `-o`, or write over it with `--force`",
    )
