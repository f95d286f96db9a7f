"""A value cut into several along one axis: by the sizes of the parts, or into so many equal ones."""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Sizes
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ir.view import Views, alike
from netspec.ops.axes import along
from netspec.ops.rearrange import apart_from
from netspec.ops.slicing import MOST_PARTS


class Split(Op):
    """Cut a value into parts along an axis: `{split: [16, 48], name: [left, right]}`.

    A list has the size of every part, and they add up to the axis. One number is the size of all of them, the last
    smaller where it does not divide the axis. Without `axis` the first after the batch is cut. `chunk` makes a number
    of equal parts, `unbind` takes every place apart.
    """

    name: ClassVar[str] = "split"
    main: ClassVar[str | None] = "sizes"
    moves: ClassVar[bool] = True

    sizes: Sizes
    """The size of every part in a list, or one number for all of them."""
    axis: str | None = None

    def infer(self, x: TensorType) -> Inferred:
        """One output for every part. Order along the axis stays, a sum of one along it does not."""
        place, sizes = split_sizes(self, x)
        size = x.axes[place].size
        needed: tuple[Constraint, ...] = ()
        if not isinstance(self.sizes, int):
            whole = Dim.of(sum(sizes))
            holds = decide(size, "==", whole)
            axis = x.axes[place].name
            if holds is False:
                raise Problem(
                    "NS265",
                    f"the parts of `split` are `{whole}` together, and `{axis}` has the size `{size}`: {x.named()}",
                    at="sizes",
                    help="let the sizes add up to it; `narrow` takes one stretch and leaves the rest",
                )
            why = f"the parts of `split` are all of `{axis}`"
            needed = () if holds else (Constraint(size, "==", whole, why, at="sizes"),)
        return Inferred(_parts(x, place, [Dim.of(one) for one in sizes]), constraints=needed)

    def views(self, x: TensorType) -> tuple[Views]:
        """A stretch of the axis, another one for each result: nothing that holds for all."""
        cut = x.names[along(x, self.axis, self.name)]
        return (alike(axis for axis in x.names if axis != cut),)

    @staticmethod
    def samples() -> list[Sample]:
        """Sizes of all kinds, one part, other axes, facts that stay and go, and sizes that cannot be."""
        image = tensor(batch=2, channel=6, height=2, width=3)
        order = tensor(batch=2, bin=5, facts=Facts(low=0, high=1, nondecreasing="bin"))
        share = tensor(batch=2, bin=5, time=2, facts=Facts(low=0, high=1, sums_to_one="bin"))
        return [
            good(image, sizes=(2, 4)),
            good(image, sizes=(1, 3, 2)),
            good(image, sizes=4),
            good(image, sizes=(1, 2), axis="width"),
            good(order, sizes=(2, 3), axis="bin"),
            good(share, sizes=(2, 3)),
            good(share, sizes=(5,)),
            good(share, sizes=8, axis="time"),
            good(tensor("int64", batch=2, time=3, facts=Facts(classes=3)), sizes=2),
            bad("NS217", image, sizes=(6, 0)),
            bad("NS217", image, sizes=0),
            bad("NS217", image, sizes=()),
            bad("NS233", tensor(batch=1, feature=1025), sizes=1),
            bad("NS233", tensor(batch=1, feature=1025), sizes=(1,) * 1025),
            bad("NS265", image, sizes=(2, 3)),
            bad("NS253", image, sizes=2, axis="time"),
            bad("NS254", tensor(batch=2), sizes=1),
            bad("NS256", image, sizes=1, axis="batch"),
        ]


class Chunk(Op):
    """Cut a value into equal parts along an axis: `{chunk: 2, name: [left, right]}`.

    Without `axis` the first after the batch is cut. PyTorch lets the last part be smaller, or gives fewer parts than
    asked for, where the axis does not divide; here that is an error, and `split` says sizes that differ.
    """

    name: ClassVar[str] = "chunk"
    main: ClassVar[str | None] = "chunks"
    moves: ClassVar[bool] = True

    chunks: int = Field(ge=1, le=MOST_PARTS)
    """How many parts."""
    axis: str | None = None

    def infer(self, x: TensorType) -> Inferred:
        """As many outputs as parts. Order along the axis stays, a sum of one along it does not."""
        place = along(x, self.axis, self.name)
        axis, size = x.axes[place].name, x.axes[place].size
        part = size // self.chunks
        holds = decide(size, "==", part * self.chunks)
        if holds is False:
            raise Problem(
                "NS264",
                f"`chunk` makes {self.chunks} equal parts, which the `{size}` places of `{axis}` do not give",
                at="chunks",
                help="use a divisor of it, or say the size of every part: `- split: [16, 48]`",
            )
        why = f"`{axis}` is cut into {self.chunks} equal parts"
        needed = () if holds else (Constraint(size, "==", part * self.chunks, why, at="chunks"),)
        return Inferred(_parts(x, place, [part] * self.chunks), constraints=needed)

    def views(self, x: TensorType) -> tuple[Views]:
        """A stretch of the axis, another one for each result: nothing that holds for all."""
        cut = x.names[along(x, self.axis, self.name)]
        return (alike(axis for axis in x.names if axis != cut),)

    @staticmethod
    def samples() -> list[Sample]:
        """Two parts and three, one, another axis, facts that stay and go, and parts that are not equal."""
        image = tensor(batch=2, channel=6, height=2, width=4)
        order = tensor(batch=2, bin=4, facts=Facts(low=0, high=1, nondecreasing="bin"), unit="ml")
        share = tensor(batch=2, bin=4, time=2, facts=Facts(low=0, high=1, sums_to_one="bin"))
        return [
            good(image, chunks=2),
            good(image, chunks=3),
            good(image, chunks=2, axis="width"),
            good(order, chunks=2, axis="bin"),
            good(share, chunks=1),
            good(share, chunks=2, axis="time"),
            good(tensor("bool", batch=2, time=2), chunks=2),
            bad("NS264", image, chunks=4),
            bad("NS264", image, chunks=5, axis="width"),
            bad("NS253", image, chunks=2, axis="time"),
            bad("NS254", tensor(batch=2), chunks=1),
            bad("NS256", image, chunks=2, axis="batch"),
        ]


def split_sizes(op: Split, x: TensorType) -> tuple[int, list[int]]:
    """The position of the axis and the size of every part; Problem for sizes that are none, or too many parts."""
    place = along(x, op.axis, op.name)
    axis = x.axes[place]
    listed = (op.sizes,) if isinstance(op.sizes, int) else op.sizes
    least = next((one for one in listed if one < 1), None)
    if least is not None or not listed:
        what = "no size" if least is None else f"a size of `{least}`"
        help = "a part has at least one place: `split: [16, 48]`, or `split: 16` for parts of that size"
        raise Problem("NS217", f"`split` is given {what}", at="sizes", help=help)
    if not isinstance(op.sizes, int) and len(listed) > MOST_PARTS:
        help = f"at most {MOST_PARTS}; `narrow` takes one stretch and leaves the rest"
        raise Problem("NS233", f"`split` into {len(listed)} parts", at="sizes", help=help)
    if not isinstance(op.sizes, int):
        return place, list(listed)
    count = None if axis.size.value is None else -(-axis.size.value // op.sizes)
    if axis.size.value is None or count is None or count > MOST_PARTS:
        raise Problem(
            "NS233",
            f"`split` makes one value for every {op.sizes} places, and `{axis.name}` has the size `{axis.size}`",
            at="sizes",
            help=f"list the sizes, at most {MOST_PARTS}: `split: [16, 48]`; `chunk` makes a number of equal parts",
        )
    rest = axis.size.value - op.sizes * (count - 1)
    return place, [*(op.sizes,) * (count - 1), rest] if count else []


def _parts(x: TensorType, place: int, sizes: list[Dim]) -> tuple[TensorType, ...]:
    """One type for every part; a single one is all of it."""
    if len(sizes) == 1:
        return (x,)
    axis = x.axes[place].name
    facts = apart_from(x.facts, axis, keep=("nondecreasing",))
    return tuple(
        replace(x, axes=(*x.axes[:place], Axis(axis, size), *x.axes[place + 1 :]), facts=facts)
        for size in sizes
    )
