"""What a `map` becomes: an axis laid into the batch, its places seen as samples, and the way back.

A spec says `map: {axis, where, layers}`, and the reader of the language writes these ops around the layers: `fold` for
every value that comes in with the axis, `spread` for every value that comes in without it, `unfold` for what is named
inside. No spec calls them, so their messages speak of `map`. With a mask only the rows that are present are computed,
and how many they are is known when the mask is: their number is a free size (`rows`) with a letter of its own.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Any, ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts, same_axis
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good, infer_node
from netspec.ir.problem import Problem
from netspec.ir.terms import Shapes
from netspec.ir.types import BATCH, Axis, TensorType, tensor
from netspec.ir.view import FOLDED, Views, alike, same
from netspec.ops.axes import along
from netspec.ops.rearrange import OVER, about, over, unused, without

Rows = tuple[Axis, tuple[Constraint, ...]]
"""The batch of the folded values, and the equalities that are not settled yet."""


class Folding(Op):
    """What `fold`, `unfold` and `spread` share: the axis, and a mask as their last input, which may be left out."""

    written: ClassVar[bool] = False
    formula: ClassVar[bool] = False

    axis: str
    rows: str = Field(default="M", pattern=r"^[A-Z][0-9]{0,15}$")

    def terms(self, at: Shapes) -> int:
        """Rows are moved and repeated: only gradients of what was repeated are sums."""
        return ceil(at.made[0] / at.read[0])

    def _batch(self, whole: TensorType, mask: TensorType | None, at: int) -> Rows:
        """The batch that folding `whole` gives; Problem where `mask`, input `at`, is no mask of its places."""
        batch, place = whole.axes[0], whole.axes[self.place(whole)]
        if mask is None:
            return Axis(BATCH, batch.size * place.size), ()
        if self.rows in (batch.size.symbols | place.size.symbols):
            raise Problem(
                "NS274",
                f"`{self.rows}` is the size of an axis of {whole.named()}, and cannot be the number of rows kept",
                at="rows",
                help="call the number of rows by a letter that no size has",
            )
        constraints = _of_places(mask, batch, place, at)
        return Axis(BATCH, Dim.of(self.rows)), constraints

    def place(self, whole: TensorType) -> int:
        """The position of the folded axis in a value that has it; Problem where it has not, or no batch."""
        if not whole.batched:
            raise _of_no_sample(whole, self.slots.index("like") if "like" in self.slots else 0)
        return along(whole, self.axis, "map")


class Fold(Folding):
    """Lay an axis into the batch, so that its places become samples: `[N, ..., axis: S, ...]` becomes `[N * S, ...]`.

    All places of the first sample come first. With a mask `[N, S]` only rows where it holds are kept, in order, and the
    batch is of the size `rows`: what is padding is in no batch statistics.
    """

    name: ClassVar[str] = "fold"
    slots: ClassVar[tuple[str, ...]] = ("x", "mask?")

    def infer(self, x: TensorType, mask: TensorType | None = None) -> Inferred:
        """The other axes, the unit, and all facts but those along the axis that is gone."""
        place = self.place(x)
        batch, constraints = self._batch(x, mask, 1)
        axes = (batch, *without(x.axes, place)[1:])
        return Inferred((replace(x, axes=axes, facts=_apart_from(x, self.axis)),), constraints=constraints)

    def views(self, x: TensorType, *mask: TensorType) -> tuple[Views, ...]:
        """The same places, those along the axis now samples; whether a row is there its own mask says."""
        rows = {FOLDED: same(FOLDED), self.axis: same(FOLDED + self.axis)}
        return (alike(x.names[1:]) | rows, *(rows for _ in mask))

    @staticmethod
    def samples() -> list[Sample]:
        """Each place of the axis, every kind of numbers, facts, with and without a mask, and masks that are none."""
        stack = tensor(batch=2, slice=4, channel=3, height=2)
        cine = tensor(batch=2, channel=1, time=3, height=2, unit="mm", facts=Facts(low=0, high=9))
        share = tensor(batch=2, slice=3, feature=4, facts=Facts(low=0, high=1, sums_to_one="feature"))
        over_slices = tensor(batch=2, slice=3, bin=4, facts=Facts(low=0, high=1, sums_to_one="slice"))
        present = _mask(2, slice=4)
        return [
            good(stack, axis="slice"),
            good(stack, present, axis="slice"),
            good(stack, present, axis="slice", rows="M2"),
            good(cine, axis="time"),
            good(cine, _mask(2, time=3), axis="time"),
            good(share, axis="slice"),
            good(share, _mask(2, slice=3), axis="slice"),
            good(over_slices, axis="slice"),
            good(tensor(batch=2, slice=4), present, axis="slice"),
            good(tensor(batch=2, slice=1, channel=2), axis="slice"),
            good(tensor("int64", batch=2, slice=4, facts=Facts(low=0, high=4, classes=5)), axis="slice"),
            good(present, present, axis="slice"),
            bad("NS253", stack, axis="time"),
            bad("NS256", stack, axis="batch"),
            bad("NS273", tensor(slice=4, channel=3), axis="slice"),
            bad("NS270", stack, tensor(batch=2, slice=4), axis="slice"),
            bad("NS271", stack, _mask(2, time=4), axis="slice"),
            bad("NS271", stack, _mask(2, slice=3), axis="slice"),
            bad("NS271", stack, _mask(3, slice=4), axis="slice"),
            bad("NS271", stack, _mask(2, slice=4, time=1), axis="slice"),
            bad("NS274", tensor(batch="M", slice=4), _mask("M", slice=4), axis="slice"),
        ]


class Unfold(Folding):
    """Take an axis out of the batch again: `[N * S, ...]` becomes `[N, axis: S, ...]`.

    `like` is a value that has the axis; it tells N and S, and its numbers do not matter. With the mask that `fold` was
    given, rows that it left out read 0.
    """

    name: ClassVar[str] = "unfold"
    slots: ClassVar[tuple[str, ...]] = ("y", "like", "mask?")

    def infer(self, y: TensorType, like: TensorType, mask: TensorType | None = None) -> Inferred:
        """The axis behind the batch, then those of y; facts stay as far as rows of zeros let them."""
        place = self.place(like)
        batch, constraints = self._batch(like, mask, 2)
        unused(y, self.axis, at="axis")
        constraints += _same_batch(y, batch, 0)
        axes = (like.axes[0], like.axes[place], *y.axes[1:])
        facts = y.facts if mask is None else _with_zeros(y.facts)
        return Inferred((replace(y, axes=axes, facts=facts),), constraints=constraints)

    def views(self, y: TensorType, like: TensorType, *mask: TensorType) -> tuple[Views | None, ...]:
        """The same places, samples now places along the axis."""
        del like
        rows = {FOLDED: same(FOLDED), FOLDED + self.axis: same(self.axis)}
        return (alike(y.names[1:]) | rows, None, *({self.axis: same(self.axis)} for _ in mask))

    @staticmethod
    def samples() -> list[Sample]:
        """Images, numbers, masks and classes, facts that zeros break, and values of other batches."""
        stack = tensor(batch=2, slice=4, channel=3)
        cine = tensor(batch=2, channel=2, time=4)
        present = _mask(2, slice=4)
        shares = Facts(low=0, high=1, sums_to_one="bin")
        classes = Facts(low=1, high=4, classes=5)
        return [
            good(tensor(batch=8, channel=3, height=2), stack, axis="slice"),
            good(tensor(batch=8, unit="ml", facts=Facts(low=2, high=3)), stack, axis="slice"),
            good(tensor(batch="M", unit="ml", facts=Facts(low=2, high=3)), stack, present, axis="slice"),
            good(tensor(batch=8, channel=3), cine, axis="time"),
            good(tensor(batch="M", channel=3), cine, _mask(2, time=4), axis="time"),
            good(tensor(batch=8, bin=3, facts=shares), stack, axis="slice"),
            good(tensor(batch="M", bin=3, facts=shares), stack, present, axis="slice"),
            good(
                tensor(batch="M", bin=3, facts=Facts(low=0, high=1, nondecreasing="bin")),
                stack,
                present,
                axis="slice",
            ),
            good(
                tensor(batch="M", bin=3, facts=Facts(high=0, log_probabilities="bin")),
                stack,
                present,
                axis="slice",
            ),
            good(tensor("int64", batch="M", facts=classes), stack, present, axis="slice"),
            good(_mask("M", bin=2), stack, present, axis="slice"),
            bad("NS226", tensor(batch=8, slice=4), stack, axis="slice"),
            bad("NS253", tensor(batch=8, channel=3), stack, axis="time"),
            bad("NS256", tensor(batch=8), stack, axis="batch"),
            bad("NS272", tensor(batch=6), stack, axis="slice"),
            bad("NS273", tensor(feature=3), stack, axis="slice"),
            bad("NS270", tensor(batch="M"), stack, stack, axis="slice"),
        ]


class Spread(Folding):
    """Give each sample's value to all places of an axis: `[N, ...]` becomes `[N * S, ...]`, each row S times in a row.

    `like` is a value that has the axis; it tells N and S, and its numbers do not matter. With a mask `[N, S]` the rows
    are those that `fold` keeps. The gradient of a sample is the sum over its places.
    """

    name: ClassVar[str] = "spread"
    slots: ClassVar[tuple[str, ...]] = ("x", "like", "mask?")

    def infer(self, x: TensorType, like: TensorType, mask: TensorType | None = None) -> Inferred:
        """All axes of a sample stay, and so do all facts and the unit."""
        self.place(like)
        batch, constraints = self._batch(like, mask, 2)
        unused(x, self.axis, at="axis")
        constraints += _same_batch(x, like.axes[0], 0)
        return Inferred((replace(x, axes=(batch, *x.axes[1:])),), constraints=constraints)

    def views(self, x: TensorType, like: TensorType, *mask: TensorType) -> tuple[Views | None, ...]:
        """The same places, whichever of the axis the sample is seen from."""
        del like
        rows = {FOLDED: same(FOLDED)}
        return (
            alike(x.names[1:]) | rows,
            None,
            *(rows | {self.axis: same(FOLDED + self.axis)} for _ in mask),
        )

    @staticmethod
    def samples() -> list[Sample]:
        """Numbers, curves, classes and masks, with and without a mask, and values that cannot be spread."""
        stack = tensor(batch=2, slice=4, channel=3)
        cine = tensor(batch=2, channel=2, time=3)
        present = _mask(2, slice=4)
        curve = tensor(batch=2, bin=3, facts=Facts(low=0, high=1, nondecreasing="bin"))
        return [
            good(tensor(batch=2, feature=3, unit="ml"), stack, axis="slice"),
            good(tensor(batch=2, feature=3), stack, present, axis="slice"),
            good(tensor(batch=2), cine, axis="time"),
            good(tensor(batch=2), cine, _mask(2, time=3), axis="time"),
            good(curve, stack, axis="slice"),
            good(curve, stack, present, axis="slice", rows="M2"),
            good(
                tensor("int64", batch=2, facts=Facts(low=0, high=4, classes=5)), stack, present, axis="slice"
            ),
            good(_mask(2, bin=2), stack, axis="slice"),
            bad("NS226", stack, stack, axis="slice"),
            bad("NS253", curve, stack, axis="time"),
            bad("NS256", curve, stack, axis="batch"),
            bad("NS272", tensor(batch=3, bin=3), stack, axis="slice"),
            bad("NS273", tensor(bin=3), stack, axis="slice"),
            bad("NS271", curve, stack, _mask(2, slice=3), axis="slice"),
        ]


def infer_inside(op: Op, inputs: tuple[TensorType, ...]) -> Inferred:
    """As `infer_node`, for an op inside a `map`, where the batch holds the places of all samples.

    Problem NS272 where values with different numbers of places meet. Problem NS273 where a layer takes the batch away,
    as `mean` without `axis` does: its value would mix patients and their slices, and which of the two was meant nobody
    could see.
    """
    if isinstance(op, Folding):
        return infer_node(op, inputs)
    batches = [(i, x.axes[0].size) for i, x in enumerate(inputs) if x.batched]
    for i, size in batches[1:]:
        if decide(batches[0][1], "==", size) is False:
            raise Problem(
                "NS272",
                f"`{op.name}` inside a `map` meets a batch of `{batches[0][1]}` and one of `{size}`",
                at=i,
                help="what goes into one `map` must have the same number of places along its axis",
            )
    inferred = infer_node(op, inputs)
    if batches and not all(y.batched for y in inferred.outputs):
        raise Problem(
            "NS273",
            f"`{op.name}` inside a `map` would make one value of all places of all samples",
            help="name the axes it works on; what goes over the mapped axis stands behind the `map`",
        )
    return inferred


def _of_places(mask: TensorType, batch: Axis, place: Axis, at: int) -> tuple[Constraint, ...]:
    """What must hold for `mask`, input `at`, to say yes or no for each place; Problem where it cannot."""
    if mask.dtype != "bool":
        raise Problem(
            "NS270",
            f"`where` of a `map` wants a mask, and it is {mask.named()}",
            at=at,
            help="a comparison gives a mask, such as `area > 0`, and an input is one with `kind: mask`",
        )
    wanted = f"[{batch}, {place}]"
    if mask.names != (BATCH, place.name):
        raise Problem(
            "NS271",
            f"`where` of a `map` over `{place.name}` has the axes {wanted}, and this is {mask.named()}",
            at=at,
            help="give it one yes or no for each place: compare a value of these axes, or reduce the others",
        )
    found: tuple[Constraint, ...] = ()
    for one, other in zip(mask.axes, (batch, place), strict=True):
        equal = decide(one.size, "==", other.size)
        if equal is False:
            raise Problem(
                "NS271",
                f"`where` of a `map` over `{place.name}` must be {wanted}, and it is {mask.named()}",
                at=at,
                help=f"give it as many places along `{one.name}` as what is mapped has",
            )
        if equal is None:
            why = f"`where` of a `map` has a yes or no for each place along `{one.name}`"
            found += (Constraint(one.size, "==", other.size, why, at=at),)
    return found


def _same_batch(x: TensorType, batch: Axis, at: int) -> tuple[Constraint, ...]:
    """What must hold for input `at` to have this batch; Problem where it cannot, or has none."""
    if not x.batched:
        raise _of_no_sample(x, at)
    equal = decide(x.axes[0].size, "==", batch.size)
    if equal is False:
        raise Problem(
            "NS272",
            f"a `map` brings together a batch of `{x.axes[0].size}` and one of `{batch.size}`: {x.named()}",
            at=at,
            help="take values from one and the same `map`",
        )
    if equal:
        return ()
    return (Constraint(x.axes[0].size, "==", batch.size, "values around a `map` are of one batch", at=at),)


def _of_no_sample(x: TensorType, at: int) -> Problem:
    """A value that all samples share has no rows."""
    return Problem(
        "NS273",
        f"a `map` goes over values of each sample, and this is one value for the whole batch: {x.named()}",
        at=at,
        help="use it as it is, inside and outside of the `map`",
    )


def _apart_from(x: TensorType, axis: str) -> Facts:
    """The facts of `x` but those along `axis`; one that says `feature` of no axis of this name may mean it too."""

    def stays(named: str | None) -> bool:
        return named is not None and named != axis and (named in x.names or not same_axis(named, axis))

    return about(x.facts, {key: over(x.facts, key) for key in OVER if stays(over(x.facts, key))})


def _with_zeros(facts: Facts) -> Facts:
    """What stays true where some rows are 0: they never fall, and are a class and a no, but sum to nothing."""
    return replace(
        facts,
        low=min(facts.low, 0.0),
        high=max(facts.high, 0.0),
        sums_to_one=None,
        log_probabilities=None,
    )


def _mask(batch: int | str, **axes: int) -> TensorType:
    """The type of a mask."""
    sizes: dict[str, Any] = {"batch": batch, **axes}
    return tensor("bool", facts=Facts(low=0, high=1, mask=True), **sizes)
