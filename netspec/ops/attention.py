"""Attention: every place of one value weighs the places of another by how well they match."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Noise, Op, Parameter, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import BATCH, CHANNEL, SPATIAL, TensorType, tensor
from netspec.ir.view import EVERYTHING, Views, alike, same
from netspec.ops.attending import leading, matched, meeting, one_axis, seen_by_mask, weighed
from netspec.ops.elementwise import agree, floating
from netspec.ops.laying import mask_over


class ScaledDotProductAttention(Op):
    """Weigh values by how well their keys match a query: `y = softmax(q k^T * scale) v` (Vaswani and others 2017).

    Takes `[..., place, feature]` three times; key and value have one axis of places, query and key one of features, and
    the axes before, samples and heads, are the same in all. `where` is a mask over the places of the keys, and over
    those of the query too where they have a name of their own: only keys where it holds take part, and a query without
    any gets 0. `dropout` leaves weights out in training.
    """

    name: ClassVar[str] = "scaled_dot_product_attention"
    slots: ClassVar[tuple[str, ...]] = ("query", "key", "value", "where?")

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """The probability with which a weight is left out in training, the others growing by 1 / (1 - dropout)."""
    is_causal: bool = False
    """Whether place i of the query sees the places 0 .. i of the keys alone."""
    scale: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """What matches are multiplied by; without it one over the root of the number of features."""

    def infer(
        self, query: TensorType, key: TensorType, value: TensorType, where: TensorType | None = None
    ) -> Inferred:
        """The places of the query with the features of the value, whose bounds means do not leave, and whose unit."""
        met = meeting(self.name, query, key, value)
        constraints = met.constraints
        if where is not None:
            constraints += mask_over(where, matched(query, key), self.name, 3)[1]
        facts = weighed(value.facts, dropout=self.dropout, hidden=where is not None)
        shape = (*(axis.size for axis in met.before), met.places.size, key.axes[-2].size)
        noise = (Noise("keep", shape, 1.0 - self.dropout),) if self.dropout else ()
        axes = (*met.before, met.places, met.features)
        return Inferred(
            (TensorType(axes, "float32", facts, value.unit),), noise=noise, constraints=constraints
        )

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Dim:
        """Two products of matrices: matches, and weighed values. A mask saves nothing of what is computed."""
        del outputs
        query, key, value, *_ = inputs
        total = query.sizes[-1] + value.sizes[-1]
        for axis in (*query.axes[:-1], key.axes[-2]):
            total = total * (Dim.of(1) if axis.name == BATCH else axis.size)
        return total

    def views(self, *inputs: TensorType) -> tuple[Views | None, ...]:
        """The place of the query itself, and every place of keys and values."""
        query, key, value, *where = inputs
        before = [axis.name for axis in agree([leading(one) for one in inputs[:3]], self.name)[0]]
        lead = [dict(zip(one.names[:-2], map(same, before), strict=True)) for one in (query, key, value)]
        return (
            {**lead[0], query.names[-2]: same(query.names[-2]), query.names[-1]: EVERYTHING},
            {**lead[1], key.names[-2]: EVERYTHING, key.names[-1]: EVERYTHING},
            {**lead[2], value.names[-2]: EVERYTHING, value.names[-1]: same(value.names[-1])},
            *(seen_by_mask(mask, query, key, lead[1]) for mask in where),
        )

    @staticmethod
    def samples() -> list[Sample]:
        """One head and two, other places, masks, both switches, and whatever does not go together."""
        place = tensor(batch=2, place=3, channel=4)
        seen = tensor(batch=2, time=4, channel=4)
        values = tensor(batch=2, time=4, feature=2, facts=Facts(low=1, high=3), unit="ml")
        heads = tensor(batch=2, head=2, place=3, channel=2)
        mask = tensor("bool", batch=2, time=4, facts=Facts(low=0, high=1, mask=True))
        return [
            good(place, place, place),
            good(place, seen, values),
            good(place, seen, values, mask),
            good(place, seen, values, mask, dropout=0.25, is_causal=True),
            good(place, seen, values, tensor("bool", batch=2, place=3, time=4)),
            good(heads, heads, heads, is_causal=True, scale=0.7),
            good(
                heads,
                heads,
                heads,
                tensor(batch=2, place=3, facts=Facts(low=0, high=1, mask=True)),
                dropout=0.5,
            ),
            bad("NS250", heads, place, place),
            bad("NS251", place, tensor(batch=2, time=4, channel=3), values),
            bad("NS251", place, seen, tensor(batch=2, time=3, feature=2)),
            bad("NS252", place, tensor(batch=2, time=4, bin=4), values),
            bad("NS252", place, seen, tensor(batch=2, slice=4, feature=2)),
            bad("NS226", place, seen, tensor(batch=2, time=4, place=2)),
            bad("NS286", tensor(batch=2, channel=4), seen, values),
            bad("NS310", place, tensor("bool", batch=2, time=4, channel=4), values),
            bad("NS325", place, seen, values, tensor(batch=2, time=4)),
            bad("NS336", place, seen, values, tensor("bool", batch=2, slice=4)),
        ]


class MultiHeadAttention(Op):
    """Attend with several heads: each sees its own share of learned features (Vaswani and others 2017).

    `{multi_head_attention: 8, from: [x, x, x]}` of `[batch, place, feature]`: query, key and value each times a matrix,
    cut into `num_heads` shares of features, `scaled_dot_product_attention` of each, and all shares together times
    `out_proj`. Parameters are those of `nn.MultiheadAttention`, by name and shape. `where` and `dropout` as there.
    """

    name: ClassVar[str] = "multi_head_attention"
    main: ClassVar[str | None] = "num_heads"
    slots: ClassVar[tuple[str, ...]] = ("query", "key", "value", "where?")

    num_heads: int = Field(ge=1)
    """How many heads, a divisor of the query's features."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """The probability with which a weight is left out in training, the others growing by 1 / (1 - dropout)."""
    bias: bool = True
    """Whether the four products of matrices have one."""
    is_causal: bool = False
    """Whether place i of the query sees the places 0 .. i of the keys alone."""

    def infer(
        self, query: TensorType, key: TensorType, value: TensorType, where: TensorType | None = None
    ) -> Inferred:
        """The axes of the query; bounds and units go."""
        sizes = features(self, query, key, value)
        constraints = _of_one_place(self.name, query, key, value)
        if where is not None:
            constraints += mask_over(where, matched(query, key), self.name, 3)[1]
        embed, from_key, from_value = sizes
        if from_key == from_value == embed:
            weights = [Parameter("in_proj_weight", (3 * embed, embed))]
        else:
            pairs = zip(("q", "k", "v"), sizes, strict=True)
            weights = [Parameter(f"{one}_proj_weight", (embed, size)) for one, size in pairs]
        biases = [Parameter("in_proj_bias", (3 * embed,))] if self.bias else []
        out = [Parameter("out_proj.weight", (embed, embed))]
        last = [Parameter("out_proj.bias", (embed,))] if self.bias else []
        shape = (query.sizes[0], Dim.of(self.num_heads), query.sizes[1], key.sizes[1])
        noise = (Noise("drop.keep", shape, 1.0 - self.dropout),) if self.dropout else ()
        return Inferred(
            (TensorType(query.axes),), (*weights, *biases, *out, *last), noise=noise, constraints=constraints
        )

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Dim:
        """Four products with weights, one for each place, and two of places with places over all heads."""
        del outputs
        query, key, value, *_ = inputs
        embed, from_key, from_value = features(self, query, key, value)
        places, seen = query.sizes[1], key.sizes[1]
        projected = places * (2 * embed * embed) + seen * ((from_key + from_value) * embed)
        return projected + places * seen * (2 * embed)

    def views(self, *inputs: TensorType) -> tuple[Views | None, ...]:
        """The place of the query itself, and every place of keys and values; all their features."""
        query, *seen = inputs[:3]
        return (
            {**alike(query.names[:2]), query.names[2]: EVERYTHING},
            *({**alike((BATCH,)), one.names[1]: EVERYTHING, one.names[2]: EVERYTHING} for one in seen),
            *(seen_by_mask(mask, query, inputs[1], alike((BATCH,))) for mask in inputs[3:]),
        )

    @staticmethod
    def samples() -> list[Sample]:
        """To itself, to another value, to others' features, with masks and switches, and every way to be wrong."""
        place = tensor(batch=2, place=3, channel=4)
        seen = tensor(batch=2, time=4, channel=4)
        other = tensor(batch=2, time=4, feature=3)
        mask = tensor("bool", batch=2, time=4, facts=Facts(low=0, high=1, mask=True))
        return [
            good(place, place, place, num_heads=2, dropout=0.1, is_causal=True),
            good(place, place, place, num_heads=2),
            good(place, seen, seen, mask, num_heads=1, bias=False),
            good(place, seen, other, mask, num_heads=2, is_causal=True),
            good(place, seen, seen, tensor("bool", batch=2, place=3, time=4), num_heads=2),
            good(place, other, other, num_heads=4, dropout=0.3, bias=False),
            good(tensor(batch=2, place=2, channel=2), *[tensor(batch=2, time=2, channel=2)] * 2, num_heads=2),
            bad("NS285", place, place, place, num_heads=3),
            bad("NS286", tensor(batch=2, channel=4), seen, seen, num_heads=2),
            bad("NS286", *[tensor(batch=2, channel=4, height=2, width=2)] * 3, num_heads=2),
            bad("NS286", *[tensor(batch=2, channel=3, width=4)] * 3, num_heads=2),
            bad("NS251", place, seen, tensor(batch=2, time=3, feature=3), num_heads=2),
            bad("NS252", place, seen, tensor(batch=2, slice=4, feature=3), num_heads=2),
            bad("NS310", place, tensor("bool", batch=2, time=4, channel=4), seen, num_heads=2),
            bad("NS325", place, seen, seen, tensor(batch=2, time=4), num_heads=2),
            bad("NS336", place, seen, seen, tensor("bool", batch=2, slice=4), num_heads=2),
        ]


def features(
    op: MultiHeadAttention, query: TensorType, key: TensorType, value: TensorType
) -> tuple[int, int, int]:
    """How many features query, key and value have; Problem where they are free, or heads do not share them evenly."""
    found: list[int] = []
    for i, one in enumerate((query, key, value)):
        floating(one, op.name, i)
        in_space = CHANNEL in one.names[:-1] and any(name in SPATIAL for name in one.names)
        if one.rank != 3 or not one.batched or in_space:
            raise Problem(
                "NS286",
                f"`{op.name}` takes places with features, `[batch, place, feature]`, and this is {one.named()}",
                at=i,
                help="make one axis of all places, `- flatten: {axis: [height, width], to: place}`, and put the "
                "features last, `- permute: [place, channel]`",
            )
        size = one.axes[-1].size.value
        if size is None:
            raise Problem(
                "NS216",
                f"`{op.name}` needs a fixed number of features for its weights, and `{one.names[-1]}` is free",
                at=i,
                help="write the number in the input's `shape`",
            )
        found.append(size)
    if found[0] % op.num_heads:
        raise Problem(
            "NS285",
            f"{op.num_heads} heads do not share {found[0]} features evenly",
            at="num_heads",
            help="use a divisor of it",
        )
    return found[0], found[1], found[2]


def _of_one_place(op: str, query: TensorType, key: TensorType, value: TensorType) -> tuple[Constraint, ...]:
    """That there are as many samples of each, and a value for every key."""
    _, constraints = agree([leading(one) for one in (query, key, value)], op)
    return (*constraints, *one_axis(op, key, value, -2, "places of key and value", 2, other=-2))
