"""Random transforms on the batches of a training, on its device, from the same draws wherever a run was cut.

What is drawn for a sample depends on the seed, the epoch, the sample and the transform's place alone: not on the batch
it is in, nor on what was trained before. Turns, shifts and zooms that follow one another become one interpolation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import cos, radians, sin

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from netspec.data.relabel import relabelled
from netspec.ir.types import TensorType
from netspec.recipe.augment import Flip, Gamma, Noise, Roll, Rotate, Shift, Zoom
from netspec.recipe.data import DataRecipe, chain, one_sample
from netspec.recipe.transform import Crop, Transform, is_bright
from netspec_torch.train.batches import Batch

_DRAWS = 2**62  # epochs are numbered below it, draws from it on, dropout's noise from 2**63 on

Matrices = NDArray[np.float64]
"""[sample, 3, 3]: from a pixel of the result, as (x, y, 1) about the middle, to the place it is read from."""


class Augment:
    """The random part of a recipe's chain, for batches whose fields are by the spec's names."""

    def __init__(self, recipe: DataRecipe, declared: Mapping[str, TensorType], seed: int) -> None:
        self._recipe, self._seed = recipe, seed
        self._kinds = {name: one_sample(kind) for name, kind in declared.items()}
        first = len(recipe.prefix)
        self._steps = list(enumerate(recipe.suffix, first))
        types, _ = chain(replace(recipe, transforms=recipe.prefix), self._kinds)
        self._types = types
        self._before: dict[int, dict[str, TensorType]] = {}
        for index, step in self._steps:
            self._before[index] = types
            types = step.infer(types)

    def __call__(self, batch: Batch, numbers: NDArray[np.int64], epoch: int) -> Batch:
        """The batch of the samples called `numbers` as `epoch` sees it; the given one is left as it is."""
        out = dict(batch)
        turned: Matrices | None = None
        for index, step in self._steps:
            if isinstance(step, Rotate | Shift | Zoom):
                drawn = [self._generator(epoch, number, index) for number in numbers]
                found = self._matrices(index, step, drawn, out)
                turned = found if turned is None else turned @ found
                continue
            if turned is not None:
                self._warp(out, turned)
                turned = None
            if isinstance(step, Crop):
                self._crop(index, step, out)
                continue
            drawn = [self._generator(epoch, number, index) for number in numbers]
            self._act(index, step, drawn, out)
        if turned is not None:
            self._warp(out, turned)
        return out

    def _crop(self, index: int, step: Crop, batch: Batch) -> None:
        self._each(index, batch, lambda _, value, kind: _cropped(step, value, kind))

    def _generator(self, epoch: int, number: np.int64, index: int) -> np.random.Generator:
        key = np.array([self._seed, _DRAWS + epoch], np.uint64)
        return np.random.Generator(np.random.Philox(key=key, counter=[0, int(number), index, 0]))

    def _each(self, index: int, batch: Batch, do: Callable[[str, Tensor, TensorType], Tensor]) -> None:
        """Replace every field that the transform acts on."""
        step = self._recipe.transforms[index]
        for name, kind in self._before[index].items():
            if name in batch and step.acts_on(kind):
                batch[name] = do(name, batch[name], kind)

    # ----------------------------------------------------------------------------------------------------- geometry

    def _matrices(
        self, index: int, step: Rotate | Shift | Zoom, drawn: Sequence[np.random.Generator], batch: Batch
    ) -> Matrices:
        """Where each sample is read from; the targets that a zoom changes are changed."""
        found = np.tile(np.eye(3), (len(drawn), 1, 1))
        if isinstance(step, Rotate):
            for one, generator in zip(found, drawn, strict=True):
                angle = radians(step.degrees.draw(generator))
                one[:2, :2] = [[cos(angle), -sin(angle)], [sin(angle), cos(angle)]]
        elif isinstance(step, Shift):
            spacing = self._recipe.spacing(index)
            assert spacing is not None  # the chain was checked
            for one, generator in zip(found, drawn, strict=True):
                down, right = step.distance.draw(generator), step.distance.draw(generator)
                one[:2, 2] = [-right / spacing, -down / spacing]
        else:
            factors = [step.factor.draw(generator) for generator in drawn]
            for one, factor in zip(found, factors, strict=True):
                one[0, 0] = one[1, 1] = 1 / factor
            _relabelled(step, factors, batch)
        return found

    def _warp(self, batch: Batch, matrices: Matrices) -> None:
        """Read every plane of the batch through the matrices."""
        for name, kind in self._types.items():
            if name in batch and kind.find("height") is not None and kind.find("width") is not None:
                batch[name] = _warped(batch[name], kind, matrices)

    # --------------------------------------------------------------------------------------------------- the others

    def _act(self, index: int, step: Transform, drawn: Sequence[np.random.Generator], batch: Batch) -> None:
        """What each of the other transforms does."""
        if isinstance(step, Flip):
            chosen = [generator.random() < step.p for generator in drawn]
            self._each(index, batch, lambda _, value, kind: _flipped(value, _place(kind, step.axis), chosen))
        elif isinstance(step, Roll):
            acts = [generator.random() < step.p for generator in drawn]
            frames = [int(step.frames.draw(one)) if act else 0 for one, act in zip(drawn, acts, strict=True)]
            self._each(index, batch, lambda _, value, kind: _rolled(value, _place(kind, step.axis), frames))
        elif isinstance(step, Gamma):
            exponents = [step.exponent.draw(generator) for generator in drawn]
            self._each(index, batch, lambda _, value, kind: self._bent(value, kind, exponents))
        elif isinstance(step, Noise):
            deviations = [step.std.draw(generator) for generator in drawn]
            words = [int(generator.integers(2**62)) for generator in drawn]
            self._each(
                index, batch, lambda name, value, kind: self._noisy(name, value, kind, deviations, words)
            )

    @staticmethod
    def _bent(value: Tensor, kind: TensorType, exponents: Sequence[float]) -> Tensor:
        low, high = kind.facts.low, kind.facts.high
        power = _spread(exponents, value)
        part = ((value - low) / (high - low)).clamp(0, 1)
        return torch.where(power == 1, value, low + (high - low) * part**power)

    def _noisy(
        self, name: str, value: Tensor, kind: TensorType, deviations: Sequence[float], words: Sequence[int]
    ) -> Tensor:
        place = list(self._types).index(name)
        parts = []
        for one, word in zip(value, words, strict=True):
            generator = torch.Generator(value.device).manual_seed(word + place)
            parts.append(torch.randn(one.shape, generator=generator, device=value.device, dtype=value.dtype))
        return (value + _spread(deviations, value) * torch.stack(parts)).clamp(
            kind.facts.low, kind.facts.high
        )


def _place(kind: TensorType, axis: str) -> int:
    """The place of an axis in a batch."""
    return kind.names.index(axis) + 1


def _spread(numbers: Sequence[float], value: Tensor) -> Tensor:
    """One number for each sample, against all axes behind."""
    return torch.tensor(numbers, dtype=value.dtype, device=value.device).reshape(-1, *[1] * (value.ndim - 1))


def _cropped(step: Crop, value: Tensor, kind: TensorType) -> Tensor:
    """The middle, which the chain has proved to be there."""
    for axis, wanted in (("height", step.height), ("width", step.width)):
        place = _place(kind, axis)
        value = value.narrow(place, (value.shape[place] - wanted) // 2, wanted)
    return value.contiguous()


def _flipped(value: Tensor, place: int, chosen: Sequence[bool]) -> Tensor:
    """The chosen samples in the opposite order, exactly."""
    mask = torch.tensor(chosen, device=value.device).reshape(-1, *[1] * (value.ndim - 1))
    return torch.where(mask, value.flip(place), value)


def _rolled(value: Tensor, place: int, frames: Sequence[int]) -> Tensor:
    """Each sample rolled by its own number of places, as `torch.roll`."""
    pairs = zip(value, frames, strict=True)
    return torch.stack([torch.roll(one, count, place - 1) for one, count in pairs])


def _relabelled(step: Zoom, factors: Sequence[float], batch: Batch) -> None:
    """Change targets by their expressions: all from the values that were there before."""
    known = {name: value.tolist() for name, value in batch.items() if value.ndim == 1}
    for name, numbers in relabelled(step, known, factors).items():
        batch[name] = torch.tensor(numbers, dtype=batch[name].dtype, device=batch[name].device)


def _warped(value: Tensor, kind: TensorType, matrices: Matrices) -> Tensor:
    """A field [sample, ..., height, width, ...] read through the matrices; samples that nothing moves stay exact."""
    still = torch.tensor((matrices == np.eye(3)).all(axis=(1, 2)), device=value.device)
    places = (_place(kind, "height"), _place(kind, "width"))
    planes = value.movedim(places, (-2, -1))
    height, width = planes.shape[-2:]
    flat = planes.reshape(len(planes), -1, height, width)
    pixels = np.diag([width / 2, height / 2, 1.0])  # grid_sample counts from -1 to 1 between the outer edges
    theta = (np.linalg.inv(pixels) @ matrices @ pixels)[:, :2]
    float32 = torch.tensor(theta, dtype=torch.float32, device=value.device)
    grid = functional.affine_grid(float32, [len(flat), 1, height, width], align_corners=False)
    bright = is_bright(kind)
    if bright:
        read = functional.grid_sample(flat, grid.to(flat.dtype), "bilinear", "zeros", align_corners=False)
    else:
        read = functional.grid_sample(flat.float(), grid, "nearest", "zeros", align_corners=False)
        read = read.round().to(flat.dtype)
    moved = read.reshape(planes.shape).movedim((-2, -1), places)
    return torch.where(still.reshape(-1, *[1] * (value.ndim - 1)), value, moved)
