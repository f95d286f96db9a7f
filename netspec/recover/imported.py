"""The whole way of an import: read, say, hold, and only then write."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netspec import __version__
from netspec.backend import needing
from netspec.recipe.packed import pack
from netspec.recover.found import reader
from netspec.recover.held import Held, held
from netspec.recover.sketch import Refusal, Sketch
from netspec.recover.written import Written, written
from netspec.text import Diagnostic, Severity, Source, SpecError
from netspec.text.place import another_place

MOST_TOLD = 100
"""So many things that cannot be said are listed; the rest is counted."""

MOST_PLACES = 6


@dataclass(frozen=True)
class Imported:
    """A spec that was recovered, and how it was held to its source."""

    spec: Written
    proof: Held

    @property
    def text(self) -> str:
        """The text of the spec."""
        return self.spec.text

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return sum(one.size for one in self.spec.parameters.values())

    def save(self, path: str | Path) -> Path:
        """Write the spec to `path` and its numbers beside it, whose path is given; as `netspec import -o` does."""
        return put(self, Path(path))


def recovered(
    target: Any,
    shapes: Sequence[tuple[int | str, ...]] = (),
    *,
    name: str = "",
    seed: int = 0,
    arguments: Mapping[str, object] | None = None,
) -> Imported:
    """The spec of `target`, held to it; SpecError with everything that stands in the way.

    `target` is the name of a source or a module of torch; a class that is named is made with `arguments`.
    """
    given = {"arguments": arguments} if arguments else {}
    reading = reader(target).read(target, shapes, name=name, **given)
    if reading.sketch.refusals:
        raise SpecError(_refused(reading.sketch))
    if not reading.sketch.outputs or not reading.sketch.steps:
        raise SpecError.of("NS773", f"`{reading.sketch.name:.60}` has no layers: its outputs are its inputs")
    spec = written(reading.sketch)
    return Imported(spec, held(spec, reading.source, seed=seed))


def _refused(sketch: Sketch) -> tuple[Diagnostic, ...]:
    """NS773 for each thing that has no words, with all places where it stands."""
    places: dict[tuple[str, str], list[str]] = {}
    for one in sketch.refusals:
        places.setdefault((one.op, one.why), []).append(one.place)
    found = []
    for (op, why), where in list(places.items())[:MOST_TOLD]:
        told = ", ".join(f"`{_shown(place)}`" for place in where[:MOST_PLACES])
        more = f" and {len(where) - MOST_PLACES} more" if len(where) > MOST_PLACES else ""
        found.append(
            Diagnostic("NS773", Severity.ERROR, f"`{_shown(op)}` at {told}{more}: {_shown(why, 300)}", None)
        )
    help = "nothing is written: say these parts by hand, or export the network without them"
    last = found[-1]
    found[-1] = Diagnostic("NS773", Severity.ERROR, last.message, None, help=help)
    return tuple(found)


def _shown(text: str, most: int = 80) -> str:
    """Words of a source, which may hold anything."""
    plain = "".join(character if character.isprintable() else "?" for character in text)
    return plain if len(plain) <= most else f"{plain[:most]}..."


def weights_beside(output: Path) -> Path:
    """Where the numbers of a spec go."""
    return output.with_suffix(".safetensors")


def put(result: Imported, output: Path) -> Path:
    """Write the spec and its numbers, both or none; gives the path of the numbers, whose file holds the spec as well.

    SpecError NS747 where one is there already, NS746 where one cannot be written.
    """
    beside = weights_beside(output)
    check_free(output)
    numbers = {**result.spec.parameters, **result.spec.state}
    with needing("torch"):
        from safetensors.numpy import save  # noqa: PLC0415 - named by an error where it is missing

    spec = replace(result.spec.spec, sources=(Source(output.name, result.spec.text),))
    raw = save(dict(numbers), metadata=pack(spec, __version__))
    made: list[Path] = []
    try:
        for path, content in ((beside, raw), (output, result.spec.text.encode())):
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            made.append(path)
            with os.fdopen(number, "wb") as file:
                file.write(content)
    except OSError as trouble:
        for path in made:
            path.unlink(missing_ok=True)
        why = (trouble.strerror or "it cannot be written").lower()
        raise SpecError.of("NS746", f"`{output}`: {why}", help=another_place(output)) from trouble
    return beside


def check_free(output: Path) -> None:
    """SpecError NS747 where a file that would be written is there already."""
    for path in (output, weights_beside(output)):
        if path.exists() or path.is_symlink():
            raise SpecError.of(
                "NS747", f"`{path}` is there already", help="choose another file with `-o`, or move that one"
            )


def counted(refusals: Sequence[Refusal]) -> Mapping[str, int]:
    """How often each op was refused."""
    found: dict[str, int] = {}
    for one in refusals:
        found[one.op] = found.get(one.op, 0) + 1
    return found
