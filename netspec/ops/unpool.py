"""Putting what a pool took back to where it stood."""

from math import prod
from typing import ClassVar

from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.terms import Shapes
from netspec.ir.types import BATCH, CHANNEL, TensorType, tensor
from netspec.ir.view import Views, alike, scattered
from netspec.ops.elementwise import agree, floating
from netspec.ops.extent import same_space
from netspec.ops.window import layout


class MaxUnpool(Op):
    """Put numbers back to the places that `max_pool` found them at, zeros everywhere else.

    `y[where[p]] = x[p]` in each channel, in space as large as that of `like`, the value that was pooled. `where` is the
    second result of `max_pool: {..., return_indices: true}`. Decoders of segmentation keep edges where they were with
    it (M. Zeiler and R. Fergus, Visualizing and Understanding Convolutional Networks, 2014; V. Badrinarayanan and
    others, SegNet, 2017).
    """

    name: ClassVar[str] = "max_unpool"
    main: ClassVar[str | None] = "where"
    slots: ClassVar[tuple[str, ...]] = ("x", "where", "like")
    moves: ClassVar[bool] = True

    def infer(self, x: TensorType, where: TensorType, like: TensorType) -> Inferred:
        """Space is that of `like`, which must be what `where` counts the places of; bounds take in 0."""
        floating(x, self.name, 0)
        layout(x, self.name)
        places = where.facts.places
        if places is None or len(places) != x.rank - 2:
            raise Problem(
                "NS291",
                f"`{self.name}` wants the places that a pool found, and `where` is {where.named()}",
                at=1,
                help="name both results of the pool and take the second: "
                "`- {max_pool: {kernel_size: 2, return_indices: true}, name: [pooled, where]}`",
            )
        _, constraints = agree((x, where), self.name, numbers=False)
        same_space(x, like, self.name)
        needed = list(constraints)
        for size, axis in zip(places, like.axes[2:], strict=True):
            equal = decide(size, "==", axis.size)
            if equal is False:
                counted, there = ("x".join(map(str, sizes)) for sizes in (places, like.sizes[2:]))
                raise Problem(
                    "NS292",
                    f"`where` counts the places of `{counted}`, and `like` has `{there}`",
                    at=2,
                    help="give as `like` the value that went into the pool of these places",
                )
            if equal is None:
                why = f"`where` counts the places of `like` along `{axis.name}`"
                needed.append(Constraint(size, "==", axis.size, why, at=2))
        facts = Facts(low=min(x.facts.low, 0.0), high=max(x.facts.high, 0.0), mask=x.facts.mask)
        out = TensorType((*x.axes[:2], *like.axes[2:]), facts=facts, unit=x.unit)
        return Inferred((out,), constraints=tuple(needed))

    def terms(self, at: Shapes) -> int:
        """None is added to another."""
        del at
        return 1

    def views(self, x: TensorType, where: TensorType, like: TensorType) -> tuple[Views | None, ...]:
        """One place of the same channel, and which the numbers say; those of `like` do not matter."""
        seen = [
            alike(one.names[:2])
            | {a.name: scattered(b.name) for a, b in zip(one.axes[2:], like.axes[2:], strict=True)}
            for one in (x, where)
        ]
        return seen[0], seen[1], None

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, a mask, a size that a window does not divide, and places of something else."""
        image = tensor(batch=2, channel=3, height=7, width=4)
        small = tensor(batch=2, channel=3, height=3, width=2)
        like = tensor(batch=2, channel=5, height=7, width=4)
        line = tensor(batch=1, channel=2, width=2, facts=Facts(low=0, high=1, mask=True))
        volume = tensor(batch=1, channel=1, depth=1, height=2, width=2)
        deep = tensor(batch=1, channel=1, depth=2, height=4, width=5)
        return [
            good(small, _where(small, image), image),
            good(small.with_facts(Facts(low=1, high=2)), _where(small, image), like),
            good(line, _where(line, tensor(width=5)), tensor(batch=1, channel=1, width=5)),
            good(volume, _where(volume, deep), deep),
            bad("NS210", tensor(batch=2, channel=3), _where(small, image), image),
            bad("NS244", small, _where(small, image), tensor(batch=2, channel=3)),
            bad("NS251", small, _where(tensor(batch=2, channel=3, height=3, width=3), image), image),
            bad("NS291", small, tensor("int64", batch=2, channel=3, height=3, width=2), image),
            bad("NS291", small, small, image),
            bad("NS292", small, _where(small, image), tensor(batch=2, channel=3, height=8, width=4)),
            bad("NS310", tensor("int64", batch=2, channel=3, height=3, width=2), _where(small, image), image),
        ]


def _where(x: TensorType, pooled: TensorType) -> TensorType:
    """Places of the space of `pooled` for all numbers of `x`."""
    space = tuple(axis.size for axis in pooled.axes if axis.name not in (BATCH, CHANNEL))
    return TensorType(x.axes, "int64", Facts(low=0, high=prod(map(int, space)) - 1, places=space))
