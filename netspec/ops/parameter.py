"""A free parameter: a learned tensor that is no part of another layer."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from netspec.ir.dim import Dim
from netspec.ir.op import Inferred, Op, Parameter, Sample, good
from netspec.ir.types import BATCH, FEATURE, Axis, TensorType

Named = tuple[tuple[str, int], ...]

LARGEST = 2**24
"""No axis is longer: as for the sizes of inputs."""


def _axes(written: Any) -> Any:
    """Axes with their sizes: a mapping, or a list of no size or of one, whose axis is `feature`."""
    if isinstance(written, (list, tuple)) and all(type(one) is int for one in written):
        if len(written) > 1:
            axes = ", ".join(f"<axis {i + 1}>: {size}" for i, size in enumerate(written))
            raise ValueError(f"{len(written)} sizes do not say which axes they are? Write `{{{axes}}}`")
        written = dict(zip((FEATURE,), written, strict=False))
    if not isinstance(written, Mapping):
        message = "a shape is a mapping of axes to sizes? Write `{bin: 600}`, or `{}` for one number"
        raise ValueError(message)  # noqa: TRY004 - pydantic makes a message of a ValueError alone
    for axis, size in written.items():
        _check(axis, size)
    return tuple(written.items())


def _check(axis: Any, size: Any) -> None:
    """ValueError unless this is an axis of a learned tensor."""
    if axis == BATCH:
        raise ValueError("a parameter is the same for all samples? Leave `batch` out")
    if not isinstance(axis, str) or not (axis.isascii() and axis.isidentifier() and axis == axis.lower()):
        raise ValueError(f"{axis!a:.60} is no name of an axis? Use small letters, digits and `_`")
    if type(size) is not int or not 1 <= size <= LARGEST:
        raise ValueError(f"`{axis}: {size!a:.60}` is no size? Write a whole number of at least 1")


class FreeParameter(Op):
    """A learned tensor of the given shape: `parameter: {shape: {bin: 600}}`; `{}` is one number.

    It has no batch: all samples see the same values. It starts at 0 unless an initialiser for `value` says otherwise.
    A single number goes with any value in arithmetic, as a constant does; other shapes are spread with `expand`.
    """

    name: ClassVar[str] = "parameter"
    main: ClassVar[str | None] = "shape"
    slots: ClassVar[tuple[str, ...]] = ()
    formula: ClassVar[bool] = False

    shape: Annotated[Named, BeforeValidator(_axes)]
    """The axes with their sizes, `{}` for one number; a list of one size has the axis `feature`."""

    def arguments(self) -> dict[str, object]:
        """The shape as it is written."""
        return {"shape": dict(self.shape)}

    def infer(self) -> Inferred:
        """The axes of the shape; nothing is known of numbers that are learned."""
        axes = tuple(Axis(axis, Dim.of(size)) for axis, size in self.shape)
        return Inferred((TensorType(axes),), (Parameter("value", tuple(size for _, size in self.shape)),))

    @staticmethod
    def samples() -> list[Sample]:
        """One number, a row, and a small image."""
        return [
            good(shape={"bin": 5}),
            good(shape=[3]),
            good(shape=[]),
            good(shape={}),
            good(shape={"channel": 2, "height": 3, "width": 1}),
        ]
