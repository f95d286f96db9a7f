"""Channels dealt out anew: among groups, over space, or gathered from space."""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ir.view import Views, alike, spaced, window
from netspec.ops.rearrange import apart_from
from netspec.ops.window import channels, layout


class ChannelShuffle(Op):
    """Mix the channels of groups, so that the next grouped convolution sees some of each (Zhang and others 2018).

    Of g groups with m channels each, channel i of group j becomes channel `i * g + j`.
    """

    name: ClassVar[str] = "channel_shuffle"
    main: ClassVar[str | None] = "groups"
    moves: ClassVar[bool] = True

    groups: int = Field(ge=1)

    def infer(self, x: TensorType) -> Inferred:
        """The axes, bounds and unit stay; order along the channels goes."""
        count = channels(x, self.name)
        if count % self.groups:
            raise _uneven(
                f"{self.groups} groups do not divide the {count} channels", "groups", "use a divisor of it"
            )
        kept = apart_from(x.facts, x.names[1], keep=("sums_to_one", "log_probabilities"))
        return Inferred((x if self.groups in (1, count) else replace(x, facts=kept),))

    def views(self, x: TensorType) -> tuple[Views]:
        """One channel, a group's size further on for each of the groups."""
        size = channels(x, self.name) // self.groups
        spans = [(j * size, j * size) for j in range(self.groups)]
        return (alike(x.names) | {x.names[1]: spaced(x.names[1], self.groups, 1, spans)},)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, facts that stay and go, classes, and channels that cannot be dealt out."""
        order = Facts(low=0, high=1, nondecreasing="channel")
        share = Facts(low=0, high=1, sums_to_one="channel")
        return [
            good(tensor(batch=2, channel=6, height=2, width=3), groups=2),
            good(tensor(batch=2, channel=6, width=3), groups=3),
            good(tensor(batch=1, channel=4, depth=2, height=2, width=2), groups=2),
            good(tensor(batch=2, channel=4, width=3, facts=order), groups=2),
            good(tensor(batch=2, channel=4, width=3, facts=order), groups=4),
            good(tensor(batch=2, channel=4, width=3, facts=share), groups=2),
            good(tensor("int64", batch=2, channel=4, width=3, facts=Facts(classes=3)), groups=2),
            bad("NS210", tensor(batch=2, feature=6), groups=2),
            bad("NS215", tensor(batch=2, time=4, height=2, width=2), groups=2),
            bad("NS262", tensor(batch=2, channel=6, width=3), groups=4),
        ]


class PixelShuffle(Op):
    """Deal channels out over space: r * r channels become an r times r tile of places (Shi and others 2016).

    `y[c, h * r + i, w * r + j] = x[c * r * r + i * r + j, h, w]` with r the `upscale_factor`, on two axes of space.
    """

    name: ClassVar[str] = "pixel_shuffle"
    main: ClassVar[str | None] = "upscale_factor"
    moves: ClassVar[bool] = True

    upscale_factor: int = Field(ge=1)
    """How many times as large both axes of space become."""

    def infer(self, x: TensorType) -> Inferred:
        """Space grows by the factor, the channels shrink by its square; bounds, classes, masks and units stay."""
        count, r = channels(x, self.name), self.upscale_factor
        if x.rank != 4:
            raise Problem(
                "NS263",
                f"`pixel_shuffle` works on two axes of space, the input is {x.named()}",
                at=0,
                help="`conv_transpose` and `resize` make one and three axes larger",
            )
        if count % (r * r):
            said = f"a tile of {r} times {r} places takes {r * r} channels, which does not divide {count}"
            raise _uneven(said, "upscale_factor", f"give it a multiple of {r * r} channels")
        grown = tuple(Axis(axis.name, axis.size * r) for axis in x.axes[2:])
        axes = (x.axes[0], Axis(x.names[1], Dim.of(count // (r * r))), *grown)
        return Inferred((replace(x, axes=axes, facts=x.facts if r == 1 else x.facts.without_axes()),))

    def views(self, x: TensorType) -> tuple[Views]:
        """The place of its tile, and the channels that the tile is made of."""
        r = self.upscale_factor
        space = {axis: spaced(axis, r, 1, [(0, 0)] * r) for axis in x.names[2:]}
        return (alike(x.names[:1]) | {x.names[1]: window(x.names[1], r * r, stride=r * r)} | space,)

    @staticmethod
    def samples() -> list[Sample]:
        """Two and three times, nothing, classes, and channels that cannot be dealt out."""
        share = Facts(low=0, high=1, sums_to_one="channel")
        return [
            good(tensor(batch=2, channel=8, height=2, width=3), upscale_factor=2),
            good(tensor(batch=1, channel=9, height=2, width=1, unit="ml"), upscale_factor=3),
            good(tensor(batch=1, channel=3, height=2, width=2, facts=share), upscale_factor=1),
            good(tensor(batch=1, channel=4, height=2, width=2, facts=share), upscale_factor=2),
            good(
                tensor("int64", batch=2, channel=4, height=1, width=3, facts=Facts(classes=3)),
                upscale_factor=2,
            ),
            bad("NS210", tensor(batch=2, feature=8), upscale_factor=2),
            bad("NS262", tensor(batch=2, channel=6, height=2, width=2), upscale_factor=2),
            bad("NS263", tensor(batch=2, channel=8, width=3), upscale_factor=2),
        ]


class PixelUnshuffle(Op):
    """Gather space into channels: an r times r tile of places becomes r * r channels; `pixel_shuffle` undoes it.

    `y[c * r * r + i * r + j, h, w] = x[c, h * r + i, w * r + j]` with r the `downscale_factor`, on two axes of space.
    """

    name: ClassVar[str] = "pixel_unshuffle"
    main: ClassVar[str | None] = "downscale_factor"
    moves: ClassVar[bool] = True

    downscale_factor: int = Field(ge=1)
    """How many times as small both axes of space become."""

    def infer(self, x: TensorType) -> Inferred:
        """Space shrinks by the factor, the channels grow by its square; bounds, classes, masks and units stay."""
        layout(x, self.name)
        r = self.downscale_factor
        if x.rank != 4:
            raise Problem(
                "NS263",
                f"`pixel_unshuffle` works on two axes of space, the input is {x.named()}",
                at=0,
                help="a convolution with a stride makes one and three axes smaller",
            )
        constraints: list[Constraint] = []
        axes = [x.axes[0], Axis(x.names[1], x.axes[1].size * (r * r))]
        for axis in x.axes[2:]:
            small = axis.size // r
            holds = decide(axis.size, "==", small * r)
            if holds is False:
                raise Problem(
                    "NS264",
                    f"`pixel_unshuffle` takes tiles of {r} times {r} places, which do not cover the `{axis.size}` "
                    f"places of `{axis.name}`",
                    at="downscale_factor",
                    help=f"use a divisor, or `- pad_to_multiple: {r}` before it",
                )
            if holds is None:
                why = f"tiles of {r} places cover `{axis.name}`"
                constraints.append(Constraint(axis.size, "==", small * r, why, at="downscale_factor"))
            axes.append(Axis(axis.name, small))
        out = replace(x, axes=tuple(axes), facts=x.facts if r == 1 else x.facts.without_axes())
        return Inferred((out,), constraints=tuple(constraints))

    def views(self, x: TensorType) -> tuple[Views]:
        """The tile that a place is made of, and the channel it comes from."""
        r = self.downscale_factor
        tiles = {axis: window(axis, r, stride=r) for axis in x.names[2:]}
        each = spaced(x.names[1], r * r, 1, [(0, 0)] * (r * r))
        return (alike(x.names[:1]) | {x.names[1]: each} | tiles,)

    @staticmethod
    def samples() -> list[Sample]:
        """Two and three times, nothing, classes, and places that tiles do not cover."""
        share = Facts(low=0, high=1, sums_to_one="channel")
        return [
            good(tensor(batch=2, channel=2, height=4, width=6), downscale_factor=2),
            good(tensor(batch=1, channel=1, height=3, width=6, unit="ml"), downscale_factor=3),
            good(tensor(batch=1, channel=3, height=2, width=2, facts=share), downscale_factor=1),
            good(tensor(batch=1, channel=2, height=2, width=2, facts=share), downscale_factor=2),
            good(
                tensor("int64", batch=2, channel=1, height=2, width=4, facts=Facts(classes=3)),
                downscale_factor=2,
            ),
            bad("NS210", tensor(batch=2, feature=8), downscale_factor=2),
            bad("NS215", tensor(batch=2, time=2, height=2, width=2), downscale_factor=2),
            bad("NS263", tensor(batch=2, channel=8, width=4), downscale_factor=2),
            bad("NS264", tensor(batch=2, channel=2, height=4, width=5), downscale_factor=2),
        ]


def _uneven(message: str, at: str, help: str) -> Problem:
    """The error of channels that cannot be dealt out."""
    return Problem("NS262", message, at=at, help=help)
