"""Products of matrices, one for each sample and for each place of the axes before."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import UNKNOWN_AXIS, Facts, same_axis
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good, pointwise_views
from netspec.ir.problem import Problem
from netspec.ir.terms import Shapes
from netspec.ir.types import BATCH, Axis, TensorType, tensor
from netspec.ir.units import product
from netspec.ir.view import EVERYTHING, Views, same
from netspec.ops import interval
from netspec.ops.elementwise import agree, floating


class Matmul(Op):
    """Multiply matrices: `z[..., i, j] = sum over k of x[..., i, k] * y[..., k, j]`.

    The last axis of x meets the last but one of y; both have one name and size (`feature` agrees with any name), and
    are gone then. The axes before are the same in both, and with `broadcast` one of size 1 spreads; a value of two axes
    without a batch, such as a `parameter`, goes with every matrix. Units are multiplied.
    """

    name: ClassVar[str] = "matmul"
    slots: ClassVar[tuple[str, ...]] = ("x", "y")

    broadcast: bool = False

    def infer(self, x: TensorType, y: TensorType) -> Inferred:
        """The rows of x and the columns of y; means weighed by shares stay within the bounds of what they weigh."""
        made = matrices(self, x, y)
        out = TensorType(made.axes, "float32", _facts(made, x, y), product((x.unit, y.unit)))
        return Inferred((out,), constraints=made.constraints)

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Dim:
        """One product for every number of a sample's result and every place that is summed over."""
        (x, _), (z,) = inputs, outputs
        total = x.sizes[-1]
        for axis in z.axes:
            total = total * (Dim.of(1) if axis.name == BATCH else axis.size)
        return total

    def terms(self, at: Shapes) -> int:
        """The places summed over; on the way back the rows, the columns, and whatever was spread."""
        inner = at.inputs[0][-1]
        return max(inner, *(-(-at.made[0] * inner // read) for read in at.read))

    def views(self, x: TensorType, y: TensorType) -> tuple[Views, ...]:
        """A row of x and a column of y, whole."""
        lead = pointwise_views(tuple(one for one in (x.with_axes(x.axes[:-2]), y.with_axes(y.axes[:-2]))))
        row, column = same(x.names[-2]), same(y.names[-1])
        return (
            {**lead[0], x.names[-2]: row, x.names[-1]: EVERYTHING},
            {**lead[1], y.names[-2]: EVERYTHING, y.names[-1]: column},
        )

    @staticmethod
    def samples() -> list[Sample]:
        """One matrix and many, learned ones, shares that weigh, and whatever does not go together."""
        rows = tensor(batch=2, head=2, query=3, channel=4)
        columns = tensor(batch=2, head=2, channel=4, key=5)
        shares = tensor(batch=2, query=3, key=4, facts=Facts(low=0, high=1, sums_to_one="key"))
        values = tensor(batch=2, key=4, channel=2, facts=Facts(low=-1, high=3), unit="ml")
        curves = tensor(batch=2, key=4, bin=3, facts=Facts(low=0, high=1, nondecreasing="bin"))
        learned = tensor(channel=4, bin=3)
        return [
            good(rows, columns),
            good(shares, values),
            good(shares, curves),
            good(shares, tensor(batch=2, key=4, bin=3, facts=Facts(low=0, high=1, sums_to_one="bin"))),
            good(
                tensor(batch=2, query=2, key=3, facts=Facts(low=0, high=2), unit="mm"),
                tensor(batch=2, key=3, width=2, facts=Facts(low=-1, high=2), unit="mm2"),
            ),
            good(tensor(batch=2, channel=4), learned),
            good(rows, learned),
            good(tensor(query=2, channel=4), columns),
            good(tensor(batch=2, time=3, feature=4), tensor(batch=2, channel=4, bin=2)),
            good(rows, tensor(batch=2, head=1, channel=4, key=5), broadcast=True),
            good(tensor(query=2, key=3), tensor(key=3, bin=2)),
            bad("NS226", tensor(batch=2, time=3, channel=4), tensor(batch=2, channel=4, time=3)),
            bad("NS250", rows, tensor(batch=2, channel=4, key=5)),
            bad("NS251", rows, tensor(batch=2, head=2, channel=3, key=5)),
            bad("NS251", rows, tensor(batch=2, head=1, channel=4, key=5)),
            bad("NS252", rows, tensor(batch=2, head=2, time=4, key=5)),
            bad("NS256", tensor(time=3, batch=2), tensor(batch=2, channel=4)),
            bad("NS256", tensor(row=3, channel=4), tensor(channel=4, batch=2)),
            bad("NS284", tensor(batch=2), learned),
            bad("NS284", tensor(batch=2, channel=4), tensor(batch=2, channel=4, bin=3)),
            bad("NS310", tensor("bool", batch=2, channel=4), learned),
        ]


@dataclass(frozen=True)
class Matrices:
    """Two inputs as matrices: the axes of their product, the size of what is summed over, and what must hold."""

    axes: tuple[Axis, ...]
    inner: Dim
    constraints: tuple[Constraint, ...]


def matrices(op: Matmul, x: TensorType, y: TensorType) -> Matrices:
    """What comes of `x` times `y`; Problem where they are no matrices, or do not go together."""
    for i, one in enumerate((x, y)):
        floating(one, op.name, i)
        if one.rank < 2:
            help = "write `- unsqueeze: row` before it, or multiply element by element with `mul`"
            raise Problem("NS284", f"`matmul` of what is no matrix: {one.named()}", at=i, help=help)
    inner, constraints = _inner(x, y)
    lead, more = _before(op, x, y)
    row, column = x.axes[-2], y.axes[-1]
    if column.name == BATCH or (row.name == BATCH and lead):
        raise Problem(
            "NS284" if row.name == BATCH else "NS256",
            f"`matmul` would multiply samples with one another: {x.named()} and {y.named()}",
            at=0 if row.name == BATCH else 1,
            help="samples are the first axis; `- unsqueeze: {axis: row, after: batch}` makes a row of a vector",
        )
    axes = (*lead, row, column)
    names = [axis.name for axis in axes]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Problem(
            "NS226",
            f"`matmul` would make two axes called `{twice}`, of {x.named()} and {y.named()}",
            at=1,
            help=f"call one of them otherwise before: `- rename: {{{twice}: other_{twice}}}`",
        )
    return Matrices(axes, inner, (*constraints, *more))


def _inner(x: TensorType, y: TensorType) -> tuple[Dim, tuple[Constraint, ...]]:
    """The size of what is summed over."""
    a, b = x.axes[-1], y.axes[-2]
    if BATCH in (a.name, b.name):
        help = "the last axis of the first and the last but one of the second are summed over: `permute` one of them"
        raise Problem(
            "NS256", f"`matmul` would sum over samples: {x.named()} and {y.named()}", at=1, help=help
        )
    if not same_axis(a.name, b.name):
        raise Problem(
            "NS252",
            f"`matmul` sums over the last axis of {x.named()} and the last but one of {y.named()}, "
            f"`{a.name}` and `{b.name}`",
            at=1,
            help=f"`permute` brings axes there; of one meaning, `- rename: {{{b.name}: {a.name}}}` gives them one name",
        )
    equal = decide(a.size, "==", b.size)
    if equal is False:
        raise Problem(
            "NS251",
            f"`matmul` sums over `{a.name}`, which has `{a.size}` places in {x.named()} and `{b.size}` in {y.named()}",
            at=1,
            help="both are of one size: let the layers before give as many as each other",
        )
    why = f"what `matmul` sums over agrees along `{a.name}`"
    needed = () if equal else (Constraint(a.size, "==", b.size, why, at=1),)
    return a.size if b.size.value is None else b.size, needed


def _before(op: Matmul, x: TensorType, y: TensorType) -> tuple[tuple[Axis, ...], tuple[Constraint, ...]]:
    """The axes before the matrices; a single matrix without samples goes with all of the other's."""
    if (x.rank == 2 and not x.batched) or (y.rank == 2 and not y.batched):
        return (y if x.rank == 2 and not x.batched else x).axes[:-2], ()
    if x.rank == 2 or y.rank == 2:
        one = x if x.rank == 2 else y
        raise Problem(
            "NS284",
            f"`matmul` of a vector for every sample, {one.named()}, and a matrix: {x.named()} and {y.named()}",
            at=0 if x.rank == 2 else 1,
            help="write `- unsqueeze: {axis: row, after: batch}` before it, and `- squeeze: row` behind",
        )
    shorter = tuple(one.with_axes(one.axes[:-2]) for one in (x, y))
    return agree(shorter, op.name, broadcast=op.broadcast, numbers=False)


def _facts(made: Matrices, x: TensorType, y: TensorType) -> Facts:
    """Bounds of sums of products; those of means where one side has shares that sum to one over what is summed."""
    over, column = x.names[-1], y.names[-1]
    weighed = x.facts.is_probabilities(over) and x.facts.sums_to_one != column
    low, high = interval.multiply(interval.of(x), interval.of(y))
    count = made.inner.value
    low, high = (
        (low * count, high * count)
        if count is not None
        else (0.0 if low >= 0 else -inf, 0.0 if high <= 0 else inf)
    )
    if weighed:
        low, high = interval.of(y)
    elif y.facts.is_probabilities(y.names[-2]) and y.facts.sums_to_one not in (column, UNKNOWN_AXIS):
        low, high = interval.of(x)
    shares = x.facts.sums_to_one == over and y.facts.sums_to_one == column
    rising = x.facts.low >= 0 and y.facts.nondecreasing == column
    return Facts(
        low=low,
        high=high,
        sums_to_one=column if shares else None,
        nondecreasing=column if rising else None,
    )
