"""From the scene to numbers on disk: coil, bias field, Rician noise, twelve bits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netspec.data.phantom.scene import Image

Pixels = npt.NDArray[np.uint16]

BITS = 12


@dataclass(frozen=True)
class Receiver:
    """How the scanner sees: `gain` is the number blood gets, `noise` its deviation relative to blood.

    `reach` is the distance in mm over which the surface coil loses 1 - 1/e of its extra signal; `bias` holds the
    logarithms of a field of second order over the image.
    """

    gain: float
    noise: float
    reach: float
    near: float
    bias: tuple[float, float, float, float, float]


def draw_receiver(rng: np.random.Generator) -> Receiver:
    """A receiver within the ranges of real cine studies."""
    a, b, c, d, e = rng.normal(0, [0.10, 0.10, 0.06, 0.06, 0.06])
    return Receiver(
        gain=math.exp(rng.uniform(math.log(350), math.log(1300))),
        noise=rng.uniform(0.012, 0.025),
        reach=rng.uniform(90, 180),
        near=rng.uniform(0.25, 0.6),
        bias=(float(a), float(b), float(c), float(d), float(e)),
    )


def sensitivity(x: Image, y: Image, receiver: Receiver) -> Image:
    """What the coil and the bias field make of an even object: (rows, columns), about 1 at the heart."""
    a, b, c, d, e = receiver.bias
    u, v = x / 130, y / 170
    field = np.exp(a * u + b * v + c * u * u + d * v * v + e * u * v)
    # The coil lies on the breast, on the left of the scene.
    coil = 1 + receiver.near * (np.exp(-(x + 60) / receiver.reach) - math.exp(-60 / receiver.reach))
    shade: Image = (field * np.maximum(coil, 0.2)).astype(np.float32)
    return shade


def receive(scene: Image, shade: Image, receiver: Receiver, rng: np.random.Generator) -> Pixels:
    """The magnitude of a complex signal with normal noise in both parts, scaled and cut to 12 bits.

    `scene` is (frames, rows, columns), `shade` (rows, columns).
    """
    real = rng.standard_normal(scene.shape, dtype=np.float32)
    imaginary = rng.standard_normal(scene.shape, dtype=np.float32)
    sigma = np.float32(receiver.noise)
    real *= sigma
    real += scene * shade
    imaginary *= sigma
    real *= real
    imaginary *= imaginary
    real += imaginary
    np.sqrt(real, out=real)
    real *= np.float32(receiver.gain)
    return np.clip(np.rint(real, out=real), 0, 2**BITS - 1).astype(np.uint16)
