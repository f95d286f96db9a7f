"""Names in generated code: which words are taken, and how a spec's names become Python's."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

IMPORTED = {
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "Tensor": "from torch import Tensor",
    "nn": "from torch import nn",
    "math": "import math",
}
"""The only names that code of support functions may import, with the line that does it."""

STANDARD = {
    "OrderedDict": "from collections import OrderedDict",
    "Callable": "from collections.abc import Callable",
}
"""The names that classes of blocks import besides."""

_BUILTIN = (
    "abs all any bool callable classmethod dict enumerate float getattr hasattr int isinstance iter len list map max "
    "min next object print property range reversed round set setattr slice sorted staticmethod str sum super tuple "
    "type zip"
)
_MODULE = """
T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval
extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia
named_buffers named_children named_modules named_parameters parameters register_backward_hook register_buffer
register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory
state_dict to to_empty train training type xpu zero_grad
"""

TAKEN = frozenset({"self", "outputs", "targets", *IMPORTED, *STANDARD, *_BUILTIN.split(), *keyword.kwlist})
"""Words that no local of generated code may be called."""

RESERVED = frozenset(_MODULE.split())
"""Attributes of every `nn.Module`, which a layer therefore cannot be called."""

_WORD = re.compile(r"[A-Za-z0-9]+")
_PART = re.compile(r"[A-Za-z0-9_]+")
_CLASSES = {
    "Aggregate",
    "Callable",
    "F",
    "GroupMetrics",
    "Loss",
    "Metrics",
    "OrderedDict",
    "Running",
    "Tensor",
}


def class_name(text: str) -> str:
    """A class name made of the words of `text`: `heart-volume` is `HeartVolume`; never a word that is taken."""
    name = "".join(word[0].upper() + word[1:] for word in _WORD.findall(text))[:80]
    if not name or name[0].isdigit():
        name = f"Net{name}"
    if name in _CLASSES or keyword.iskeyword(name):
        name = f"{name}Net"
    return name


def is_part(text: str) -> bool:
    """Whether `text` may be one step of a path: ASCII letters, digits and underscores."""
    return _PART.fullmatch(text) is not None


class Locals:
    """The local names of one function: each handed out once, near to what was asked for."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*TAKEN, *taken}

    def fresh(self, wanted: str) -> str:
        """A free name like `wanted`: other characters become underscores, a taken word gets one at its end."""
        name = re.sub(r"[^A-Za-z0-9_]", "_", wanted)[:60] or "value"
        if name[0].isdigit():
            name = f"value_{name}"
        if name.startswith("__"):
            name = f"value{name}"  # two leading underscores would be mangled inside a class
        stem, count = name, 1
        while name in self._taken:
            name = f"{stem}_" if count == 1 else f"{stem}_{count}"
            count += 1
        self._taken.add(name)
        return name
