"""An opt-in hook that lets Python import a spec like a module: `from specs.zoo import resnet50`.

    import netspec.imports                 # from here on
    from specs.zoo import resnet50         # specs/zoo/resnet50.yaml, seen from any folder of sys.path

    model = resnet50.Resnet50()            # the classes that `netspec compile` writes; resnet50.Model is the same
    loss = resnet50.Loss()                 # where the spec has a loss
    resnet50.spec                          # the checked spec, as `netspec.load` gives it

A dash in a file's name is an underscore here: `from specs import heart_volume`. Python's own modules come first, and
a YAML file that does not say `netspec:` is none of ours. What is wrong with a spec is raised as SpecError; its text is
what `netspec validate` prints.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from netspec.text import SpecError


class SpecFinder:
    """Finds specs where Python looks for modules, after all other finders have given up."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec file that is called like the module; None where there is none."""
        del target
        for file in _candidates(fullname.rpartition(".")[2], sys.path if path is None else path):
            if _is_spec(file):
                return ModuleSpec(fullname, SpecLoader(file), origin=str(file))
        return None


class SpecLoader(Loader):
    """Checks one spec file, and fills a module with what it compiles to."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def create_module(self, spec: ModuleSpec) -> None:
        """None: an ordinary module will do."""
        del spec

    def exec_module(self, module: ModuleType) -> None:
        """Put the classes of the compiled source and `spec` into the module; SpecError for what is wrong."""
        from netspec.backend import Importable, find  # noqa: PLC0415 - installing the hook costs nothing
        from netspec.front import load  # noqa: PLC0415 - as above

        backend = find("torch")
        if not isinstance(backend, Importable):
            raise SpecError.of(
                "NS649", "the torch backend found here makes no Python modules", help="update netspec"
            )
        checked = load(self.file)
        group = checked.group.graph if checked.group else None
        backend.furnish(
            module, checked.graph, name=checked.name, doc=checked.doc, digest=checked.digest, group=group
        )
        vars(module)["spec"] = checked


def install() -> None:
    """Let Python import specs; a second call changes nothing. Importing this module has done it."""
    if not any(one is SpecFinder for one in sys.meta_path):
        sys.meta_path.append(SpecFinder)


def remove() -> None:
    """Let Python import modules alone again; what was imported stays."""
    sys.meta_path[:] = [one for one in sys.meta_path if one is not SpecFinder]


def _candidates(name: str, folders: Sequence[str]) -> Iterator[Path]:
    """Files that could be meant, in the order in which Python looks: the very name first, then one with dashes."""
    for folder in folders:
        place = Path(folder)
        yield place / f"{name}.yaml"
        if "_" not in name:
            continue
        try:
            found = sorted(place.glob("*.yaml"))
        except OSError:
            continue
        yield from (file for file in found if "-" in file.stem and file.stem.replace("-", "_") == name)


def _is_spec(file: Path) -> bool:
    """Whether a file is there and says that it is a spec."""
    try:
        if not file.is_file():
            return False
        from netspec.lang.yaml import LARGEST, says_netspec  # noqa: PLC0415 - installing the hook costs nothing

        with file.open("rb") as opened:
            return says_netspec(opened.read(LARGEST))
    except OSError:
        return False


install()
