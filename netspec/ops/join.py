"""Joining values: end to end along an axis that they have, or side by side along a new one."""

from typing import ClassVar

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import UNKNOWN_AXIS, Facts, same_axis
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ir.view import Views, same, scattered
from netspec.ops.axes import along
from netspec.ops.elementwise import agree
from netspec.ops.rearrange import OVER, Over, about, over, unused
from netspec.ops.shape import new_place


class Concat(Op):
    """Put two or more inputs behind one another along an axis; without `axis` along the first after the batch.

    All other axes must have the same names and sizes (`feature` agrees with any name); sizes along the axis add up.
    """

    name: ClassVar[str] = "concat"
    main: ClassVar[str | None] = "axis"
    slots: ClassVar[tuple[str, ...]] = ("x", "*y")
    moves: ClassVar[bool] = True

    axis: str | None = None

    def infer(self, *inputs: TensorType) -> Inferred:
        """The axes of the inputs, one with the sum of the sizes; facts and units stay where all inputs share them."""
        first = inputs[0]
        place = along(first, self.axis, self.name)
        axes = first.axes
        constraints: list[Constraint] = []
        for i, x in enumerate(inputs[1:], start=1):
            _of_one_kind(self.name, first, x, i)
            axes, more = _joined(axes, x, place, i)
            constraints += more
        unit = first.unit if all(x.unit == first.unit for x in inputs) else None
        facts = _shared(inputs, axes, place)
        return Inferred((TensorType(axes, first.dtype, facts, unit),), constraints=tuple(constraints))

    def views(self, *inputs: TensorType) -> tuple[Views, ...]:
        """One place of each input; along the joined axis one of one input alone, which is no window that slides."""
        first = inputs[0]
        axes = [
            next((x.names[i] for x in inputs if x.names[i] != UNKNOWN_AXIS), UNKNOWN_AXIS)
            for i in range(first.rank)
        ]
        place = along(first, self.axis, self.name)
        views = [scattered(axis) if i == place else same(axis) for i, axis in enumerate(axes)]
        return tuple(dict(zip(x.names, views, strict=True)) for x in inputs)

    @staticmethod
    def samples() -> list[Sample]:
        """Two and three inputs, any axis, shared facts, and every disagreement."""
        image = tensor(batch=2, channel=3, height=2, width=4)
        wide = tensor(batch=2, channel=3, height=2, width=3)
        share = tensor(batch=2, time=2, bin=3, facts=Facts(low=0, high=1, sums_to_one="bin"))
        order = tensor(batch=2, time=1, bin=3, facts=Facts(low=-1, high=2, nondecreasing="bin"))
        return [
            good(image, tensor(batch=2, channel=1, height=2, width=4)),
            good(image, wide, image, axis="width"),
            good(share, share, axis="time"),
            good(share, share, axis="bin"),
            good(order, order),
            good(tensor(batch=2, feature=3), tensor(batch=2, channel=2)),
            good(
                tensor("int64", batch=2, time=2, facts=Facts(classes=3)),
                tensor("int64", batch=2, time=1, facts=Facts(classes=5)),
            ),
            bad("NS234", image, tensor(batch=2, channel=3)),
            bad("NS234", image, tensor(batch=2, channel=3, depth=2, width=4)),
            bad("NS235", image, wide),
            bad("NS236", tensor(batch=2, feature=3), tensor("int64", batch=2, feature=3)),
            bad("NS253", image, image, axis="time"),
            bad("NS256", image, image, axis="batch"),
        ]


class Stack(Op):
    """Lay two or more inputs side by side along a new axis, the first after the batch: `{stack: time, from: [a, b]}`.

    All have the same axes and sizes (`feature` agrees with any name). With `after` the new axis stands behind another:
    `stack: {axis: depth, after: channel}`. `unbind` takes them apart again.
    """

    name: ClassVar[str] = "stack"
    main: ClassVar[str | None] = "axis"
    moves: ClassVar[bool] = True
    words: ClassVar[tuple[str, ...]] = ("axis", "after")
    slots: ClassVar[tuple[str, ...]] = ("x", "*y")

    axis: str
    """The name of the new axis."""
    after: str | None = None
    """The axis that the new one stands behind; without it the batch."""

    def infer(self, *inputs: TensorType) -> Inferred:
        """The common axes and a new one as long as there are inputs; facts and units stay where all share them."""
        first = inputs[0]
        for i, x in enumerate(inputs):
            if not x.rank:
                help = "give each an axis first, `- unsqueeze: feature`, and join them with `concat`"
                raise Problem("NS254", f"`stack` of one number: {x.named()}", at=i, help=help)
            _of_one_kind(self.name, first, x, i)
        axes, constraints = agree(inputs, self.name, numbers=False)
        common = TensorType(axes)
        unused(common, self.axis, at="axis")
        place = new_place(common, self.after, self.name)
        unit = first.unit if all(x.unit == first.unit for x in inputs) else None
        facts = _shared(inputs, axes, None)
        axes = (*axes[:place], Axis(self.axis, Dim.of(len(inputs))), *axes[place:])
        return Inferred((TensorType(axes, first.dtype, facts, unit),), constraints=constraints)

    def views(self, *inputs: TensorType) -> tuple[Views, ...]:
        """The same place of one of the inputs."""
        axes, _ = agree(inputs, self.name, numbers=False)
        return tuple({a.name: same(b.name) for a, b in zip(x.axes, axes, strict=True)} for x in inputs)

    @staticmethod
    def samples() -> list[Sample]:
        """Two and three inputs, places, shared facts, and every disagreement."""
        image = tensor(batch=2, channel=3, height=2, width=4)
        share = tensor(batch=2, bin=3, facts=Facts(low=0, high=1, sums_to_one="bin"), unit="ml")
        order = tensor(batch=2, bin=3, facts=Facts(low=-1, high=2, nondecreasing="bin"))
        return [
            good(image, image, axis="time"),
            good(image, image, image, axis="depth", after="channel"),
            good(image, image, axis="view", after="width"),
            good(share, share, axis="time"),
            good(order, order, axis="time", after="bin"),
            good(share, order, axis="time"),
            good(tensor(batch=2, feature=3), tensor(batch=2, channel=3), axis="time"),
            good(tensor(batch=2, unit="ml"), tensor(batch=2, unit="ml"), axis="feature"),
            good(*[tensor("int64", batch=2, time=2, facts=Facts(classes=n)) for n in (3, 5)], axis="view"),
            bad("NS226", image, image, axis="width"),
            bad("NS236", tensor(batch=2, feature=3), tensor("bool", batch=2, feature=3), axis="time"),
            bad("NS250", image, tensor(batch=2, channel=3), axis="time"),
            bad("NS251", tensor(batch=2, channel=3), tensor(batch=2, channel=1), axis="time"),
            bad("NS252", tensor(batch=2, channel=3), tensor(batch=2, bin=3), axis="time"),
            bad("NS253", image, image, axis="time", after="slice"),
            bad("NS254", tensor(), tensor(), axis="time"),
        ]


def _of_one_kind(op: str, first: TensorType, x: TensorType, at: int) -> None:
    """Problem NS236 where classes or a mask meet floating numbers."""
    if x.dtype != first.dtype:
        help = "join values of one kind: a mask or classes become numbers by `where`"
        message = f"`{op}` of `{first.dtype}` and `{x.dtype}`: {first.named()} and {x.named()}"
        raise Problem("NS236", message, at=at, help=help)


def _joined(
    axes: tuple[Axis, ...], x: TensorType, place: int, at: int
) -> tuple[tuple[Axis, ...], list[Constraint]]:
    """The axes with `x` put behind; Problem NS234 for other axes, NS235 for other sizes."""
    if len(axes) != x.rank or not all(same_axis(a.name, b.name) for a, b in zip(axes, x.axes, strict=True)):
        raise Problem(
            "NS234",
            f"`concat` joins values of the same axes, not {TensorType(axes).named()} and {x.named()}",
            at=at,
            help="bring them to the same axes first: `flatten`, `rename` or `unsqueeze`",
        )
    joined: list[Axis] = []
    constraints: list[Constraint] = []
    for i, (a, b) in enumerate(zip(axes, x.axes, strict=True)):
        name = b.name if a.name == UNKNOWN_AXIS else a.name
        if i == place:
            joined.append(Axis(name, a.size + b.size))
            continue
        equal = decide(a.size, "==", b.size)
        if equal is False:
            raise Problem(
                "NS235",
                f"`concat` along `{axes[place].name}` meets `{a.size}` and `{b.size}` along `{name}`: "
                f"{TensorType(axes).named()} and {x.named()}",
                at=at,
                help=f"crop, pad or resize one of them, or join along `axis: {name}`",
            )
        if equal is None:
            constraints.append(
                Constraint(a.size, "==", b.size, f"what `concat` joins agrees along `{name}`", at=at)
            )
        joined.append(Axis(name, a.size, a.unit))
    return tuple(joined), constraints


def _shared(inputs: tuple[TensorType, ...], axes: tuple[Axis, ...], place: int | None) -> Facts:
    """The facts of all inputs together; what speaks of the joined axis, where there is one, is broken by joining."""
    every = [x.facts for x in inputs]
    classes = [facts.classes for facts in every if facts.classes is not None]
    facts = Facts(
        low=min(one.low for one in every),
        high=max(one.high for one in every),
        classes=max(classes) if len(classes) == len(every) else None,
        mask=all(one.mask for one in every),
    )
    shared: dict[Over, str | None] = {}
    for key in OVER:
        places = {x.find(over(x.facts, key) or "") for x in inputs}
        (where,) = places if len(places) == 1 else (None,)
        if where is not None and where != place:
            shared[key] = axes[where].name
    return about(facts, shared)
