"""Who can read a source, found by what the source is called: a file's ending, or `package.module:Class`."""

from __future__ import annotations

from importlib.metadata import EntryPoint

from netspec.backend import needing
from netspec.ir import foreign
from netspec.recover.sketch import Recoverer
from netspec.text import SpecError

SOURCES = "netspec.sources"
"""The group of entry points by which other packages bring readers of files, each under the ending: `tflite`."""

OURS = {
    "onnx": EntryPoint("onnx", "netspec_onnx.recover", SOURCES),
    "torch": EntryPoint("torch", "netspec_torch.recover", SOURCES),
}
"""Those of this distribution, each under the extra that it needs."""

PICKLED = frozenset({"pt", "pt2", "pth"})
"""Files of PyTorch's own, which its reader refuses with the reason."""


def reader(target: object) -> Recoverer:
    """What reads `target`; SpecError NS776 where nobody does, NS702 where a package is missing.

    What is no text is a module that is there already.
    """
    kind = kind_of(target) if isinstance(target, str) else "torch"
    entry = OURS.get(kind) or foreign.named(SOURCES, kind)
    if entry is None:
        known = ", ".join(f"`.{name}`" for name in ("onnx", *(one.name for one in foreign.group(SOURCES))))
        raise SpecError.of(
            "NS776",
            f"nothing here reads `{ascii(target)[1:-1]:.80}`",
            help=f"name a file that ends with {known}, or a module of torch, `package.module:Class`",
        )
    if kind not in OURS:
        return _fit(entry, foreign.load(entry, "the reader of"))
    with needing(kind):
        return _fit(entry, entry.load())


def kind_of(target: str) -> str:
    """`torch` for `package.module:Class` and for PyTorch's own files, else a file's ending."""
    module, colon, name = target.rpartition(":")
    dotted = all(part.isidentifier() for part in module.split(".")) and name.isidentifier()
    if colon and dotted:
        return "torch"
    ending = target.rpartition(".")[2].lower()
    return "torch" if ending in PICKLED else ending


def _fit(entry: EntryPoint, found: object) -> Recoverer:
    if isinstance(found, Recoverer):
        return found
    raise foreign.unfit(entry, "the reader of", "has no `read`")
