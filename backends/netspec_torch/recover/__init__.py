"""A torch module as a sketch of netspec's ops: its graph by `torch.export`, read operator by operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from netspec.recover.sketch import Reading
from netspec.text import SpecError
from netspec.text.shown import shown
from netspec_torch.recover.sketched import read as read_module
from netspec_torch.recover.target import module_of

PICKLED = (".pt2", ".pt", ".pth")
"""Files of PyTorch's own: `torch.export.load` and `torch.load` of whole modules unpickle, in torch 2.13 as before."""

__all__ = ["read", "read_module"]


def read(
    target: str | nn.Module,
    shapes: Sequence[tuple[int | str, ...]] = (),
    *,
    name: str = "",
    arguments: Mapping[str, object] | None = None,
) -> Reading:
    """The module that `target` names, `package.module:Class`, with inputs of `shapes` without the batch.

    Its code is imported and run: that is what the command says. A class or function is called with `arguments`.
    Raises SpecError as `read_module`, NS780 and NS781 where there is no such module, NS785 where it would be unpickled.
    """
    if isinstance(target, nn.Module):
        return read_module(target, shapes, name=name)
    if target.endswith(PICKLED):
        raise SpecError.of(
            "NS785",
            f"`{shown(target)}` is read by PyTorch with pickle, which runs whatever its writer put in",
            help="import the module from its code, `package.module:Class`, or write an ONNX file of it with "
            "`torch.onnx.export` and import that; weights alone come with `netspec weights`",
        )
    module = module_of(target, arguments or {})
    return read_module(module, shapes, name=name, source=target)
