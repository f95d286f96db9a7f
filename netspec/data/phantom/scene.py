"""The picture before the scanner: how brightly every point of one short-axis slice shines in every frame.

Scene coordinates are mm from the long axis of the left ventricle: x towards the back of the patient (image right in a
portrait image), y towards the feet (image down). Blood is 1. Edges are as soft as a pixel is wide, and three planes
within the slab are averaged, so partial volume looks as it does in a real slice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netspec.data.phantom.anatomy import Floats, Ventricle

Image = npt.NDArray[np.float32]

SUB_SLICES = 3
_RV_WALL = 3.0
_ATRIAL_WALL = 2.0
_AIR, _LUNG = 0.01, 0.16


@dataclass(frozen=True)
class Tissues:
    """Signal of each tissue relative to blood."""

    myocardium: float
    fat: float
    muscle: float
    liver: float


@dataclass(frozen=True)
class Heart:
    """What one heart looks like beyond its volumes: angles in radians, lengths in mm.

    `elliptic` is the ratio k of the in-plane semi-axes, `tilt` how far the centre wanders per mm of long axis,
    `right` the direction of the right ventricle, `papillary` the angles of the two muscles and their relative radius.
    """

    elliptic: float
    elliptic_angle: float
    tilt: tuple[float, float]
    right: float
    right_size: float
    papillary: tuple[float, float, float]
    torsion: float
    pericardium: float


@dataclass(frozen=True)
class Thorax:
    """The surroundings: half widths of the chest, thickness of the fat under the skin, vessels in the lung."""

    half_width: float
    half_height: float
    offset: float
    rim: float
    scale: float
    texture: Floats
    vessels: Floats


def draw_tissues(rng: np.random.Generator) -> Tissues:
    """Signals within the ranges of balanced steady-state cine images."""
    return Tissues(
        myocardium=rng.uniform(0.34, 0.46),
        fat=rng.uniform(0.75, 1.0),
        muscle=rng.uniform(0.25, 0.35),
        liver=rng.uniform(0.28, 0.42),
    )


def draw_heart(rng: np.random.Generator) -> Heart:
    """Pose and shape of one heart."""
    return Heart(
        elliptic=math.exp(rng.normal(0, 0.04)),
        elliptic_angle=rng.uniform(0, math.pi),
        tilt=(rng.normal(0, 0.06), rng.normal(0, 0.06)),
        right=math.radians(rng.normal(192, 14)),
        right_size=rng.uniform(0.85, 1.2),
        papillary=(
            math.radians(rng.normal(-48, 10)),
            math.radians(rng.normal(125, 10)),
            rng.uniform(0.13, 0.20),
        ),
        torsion=math.radians(rng.uniform(2, 10)),
        pericardium=rng.uniform(1.0, 3.5),
    )


def draw_thorax(scale: float, rng: np.random.Generator) -> Thorax:
    """A chest for a body of this scale; `texture` holds (amplitude, kx, ky, phase), `vessels` (x, y, r)."""
    wave = rng.uniform(30, 90, 6)
    angle = rng.uniform(0, 2 * math.pi, 6)
    texture = np.stack(
        [
            rng.normal(0, 0.03, 6),
            2 * np.pi * np.cos(angle) / wave,
            2 * np.pi * np.sin(angle) / wave,
            angle * 3,
        ],
        1,
    )
    vessels = (
        np.stack([rng.uniform(-110, 120, 26), rng.uniform(-150, 90, 26), rng.uniform(1.2, 3.6, 26)], 1)
        * scale
    )
    return Thorax(
        half_width=128 * scale * math.exp(rng.normal(0, 0.05)),
        half_height=270 * scale,
        offset=rng.normal(8, 4) * scale,
        rim=float(np.clip(rng.gamma(5, 3), 5, 32)) * scale,
        scale=scale,
        texture=texture,
        vessels=vessels,
    )


def surroundings(
    x: Image, y: Image, s: float, pixel: float, thorax: Thorax, tissues: Tissues, room: float
) -> Image:
    """The chest without the heart at points x, y (rows, columns) in the plane at `s`; the heart fills `room` mm."""
    scale = thorax.scale
    image = np.full(x.shape, _AIR, np.float32)
    skin = _body(x - thorax.offset, y, thorax)
    _paint(image, _soft(skin, pixel), tissues.fat)
    _paint(image, _soft(skin - thorax.rim, pixel), tissues.muscle)
    _paint(image, _soft(skin - thorax.rim - 11 * scale, pixel), _LUNG)
    for vx, vy, r in thorax.vessels.tolist():
        _paint(image, 0.55 * _soft(r - _length(x - vx - 0.1 * s, y - vy), pixel), 0.8)
    inside = _soft(skin - thorax.rim - 8 * scale, pixel)
    _mediastinum(image, inside, x, y, s, pixel, scale, tissues, room)
    top = room + 4 * scale - 0.12 * s  # the dome of the diaphragm lies under the heart
    liver = _ellipse(x + 42 * scale, y - top - 95 * scale, 125 * scale, 97 * scale)
    stomach = _ellipse(x - 62 * scale, y - top - 58 * scale, 50 * scale, 48 * scale)
    _paint(image, inside * _soft(stomach, pixel), 0.62)
    _paint(image, inside * _soft(liver, pixel), tissues.liver)
    spine = _ellipse(x - room - 34 * scale, y - 22 * scale, 17 * scale, 24 * scale)
    _paint(image, inside * _soft(spine, pixel), 0.5)
    aorta = 10.5 * scale - _length(x - room - 8 * scale, y - 20 * scale)
    _paint(image, _soft(aorta + 2, pixel), tissues.muscle)
    _paint(image, _soft(aorta, pixel), 0.95)
    return image * _texture(x, y, s, thorax)


def _mediastinum(
    image: Image,
    inside: Image,
    x: Image,
    y: Image,
    s: float,
    pixel: float,
    scale: float,
    tissues: Tissues,
    room: float,
) -> None:
    """Fat and great vessels between the heart and the breastbone; they thin out towards the apex."""
    low = float(np.clip(1 - s / (90 * scale), 0, 1))
    front = _ellipse(x + 70 * scale, y + 4 * scale, 42 * scale, (56 + 14 * low) * scale)
    _paint(image, inside * _soft(front, pixel), 0.55 * tissues.fat)
    above = _ellipse(
        x + 34 * scale, y + 0.8 * room + 16 * scale, (44 - 16 * low) * scale, (40 - 14 * low) * scale
    )
    _paint(image, inside * _soft(above, pixel), 0.6 * tissues.fat)
    roots = ((14, 20, 11.0), (38, 26, 12.5), (8, 48, 9.0))
    for across, up, radius in roots:
        r = radius * scale * (1 - 0.7 * low)
        _paint(image, _soft(r - _length(x + across * scale, y + room + up * scale), pixel), 0.9)


def reach(lv: Ventricle) -> float:
    """How far from the long axis, in mm along x or y, a heart paints at most."""
    return 1.9 * float(lv.a[0] + lv.wall[0]) + 16


def add_heart(
    image: Image,
    x: Image,
    y: Image,
    s: float,
    thickness: float,
    pixel: float,
    lv: Ventricle,
    heart: Heart,
    tissues: Tissues,
) -> Image:
    """Paint the beating heart over its surroundings: (rows, columns) to (frames, rows, columns)."""
    offsets = (np.arange(SUB_SLICES) - (SUB_SLICES - 1) / 2) / SUB_SLICES * thickness
    z = (s + offsets)[None, :] - lv.equator[:, None]
    above = z > lv.h[:, None]  # over the base there is the atrium, whose blood is not counted
    x = x - np.float32(heart.tilt[0] * (s - lv.length / 2))
    y = y - np.float32(heart.tilt[1] * (s - lv.length / 2))
    layers = np.broadcast_to(image, (len(lv.volume), SUB_SLICES, *image.shape)).copy()
    outer = lv.outer_radius(z)
    inner = lv.cavity_radius(z)
    outer, inner = _atrium(lv, above, outer, inner)
    wall = _round(x, y, outer, heart)
    right = _right_ventricle(x, y, s + offsets, outer, lv, heart)
    sac = np.maximum(wall, right) + np.float32(heart.pericardium)
    _paint(layers, _soft(sac, pixel), 0.8 * tissues.fat)
    _paint(layers, _soft(right + np.float32(_RV_WALL), pixel), tissues.muscle + 0.06)
    _paint(layers, _soft(right, pixel), 0.96)
    _paint(layers, _soft(wall, pixel) * _present(outer, pixel), tissues.myocardium)
    _paint(layers, _soft(_round(x, y, inner, heart), pixel) * _present(inner, pixel), 1.0)
    for muscle in _papillary(x, y, z, above, inner, lv, heart):
        _paint(layers, _soft(muscle, pixel), tissues.myocardium)
    beating: Image = layers.mean(axis=1)
    return beating


def _atrium(
    lv: Ventricle, above: npt.NDArray[np.bool_], outer: Floats, inner: Floats
) -> tuple[Floats, Floats]:
    """Radii with the atrium's in place of the ventricle's over the base; it fills while the ventricle empties."""
    radius = (0.92 * lv.a[0] * (1.08 - 0.20 * lv.stroke))[:, None]
    return np.where(above, radius + _ATRIAL_WALL, outer), np.where(above, radius, inner)


def _round(x: Image, y: Image, radius: Floats, heart: Heart) -> Image:
    """Signed distance (positive inside) to the ellipse of area pi radius^2: (frames, sub-slices, rows, columns)."""
    cos, sin, k = math.cos(heart.elliptic_angle), math.sin(heart.elliptic_angle), math.sqrt(heart.elliptic)
    along = x * np.float32(cos / k) + y * np.float32(sin / k)
    across = y * np.float32(cos * k) - x * np.float32(sin * k)
    unit = _length(along, across)
    distance: Image = _wide(radius) - unit
    return distance


def _right_ventricle(x: Image, y: Image, s: Floats, outer: Floats, lv: Ventricle, heart: Heart) -> Image:
    """Signed distance to the right ventricle's ellipse; the left ventricle, painted over it, makes it a crescent."""
    cos, sin = math.cos(heart.right), math.sin(heart.right)
    level = np.clip((s / lv.length - 0.12) / 0.55, 0, 1)[None, :]
    grown = np.sqrt(level * (2 - level)) * heart.right_size
    size = (lv.a[0] + lv.wall[0]) * grown
    radial = size * (0.62 + 0.30 * lv.stroke[:, None])
    tangential = size * (1.02 + 0.10 * lv.stroke[:, None])
    reach = _wide(outer * 0.78)
    along = x * np.float32(cos) + y * np.float32(sin) - reach
    across: Image = (y * np.float32(cos) - x * np.float32(sin))[None, None]
    distance: Image = (1 - _length(along / _wide(radial + 0.1), across / _wide(tangential + 0.1))) * _wide(
        radial
    )
    return np.where(_wide(radial) > 2, distance, np.float32(-99))


def _papillary(
    x: Image, y: Image, z: Floats, above: npt.NDArray[np.bool_], inner: Floats, lv: Ventricle, heart: Heart
) -> list[Image]:
    """Signed distances to the two papillary muscles: dark, and counted in the cavity, as in clinical contours."""
    first, second, share = heart.papillary
    height = z / lv.c[:, None]
    there = (height > -0.6) & (height < 0.05) & ~above
    radius = np.where(there, np.minimum(share * inner + 0.6, 6.0), -99.0)
    muscles = []
    for angle in (first, second):
        turned = angle + heart.torsion * (1 - lv.stroke[:, None])
        px, py = 0.66 * inner * np.cos(turned), 0.66 * inner * np.sin(turned)
        muscles.append(_wide(radius) - _length(x - _wide(px), y - _wide(py)))
    return muscles


def _body(x: Image, y: Image, thorax: Thorax) -> Image:
    power = 2.6
    r = (np.abs(x / thorax.half_width) ** power + np.abs(y / thorax.half_height) ** power) ** (1 / power)
    distance: Image = ((1 - r) * thorax.half_width).astype(np.float32)
    return distance


def _ellipse(x: Image, y: Image, across: float, down: float) -> Image:
    distance: Image = ((1 - _length(x / across, y / down)) * math.sqrt(across * down)).astype(np.float32)
    return distance


def _texture(x: Image, y: Image, s: float, thorax: Thorax) -> Image:
    """A few soft waves, so that no tissue is perfectly even."""
    sheet: Image = np.ones_like(x)
    for amplitude, kx, ky, phase in thorax.texture.tolist():
        sheet += np.float32(amplitude) * np.cos(
            np.float32(kx) * x + np.float32(ky) * y + np.float32(phase + s / 9)
        )
    return sheet


def _length(x: Image, y: Image) -> Image:
    """Euclidean length; hypot, which guards against overflow, costs four times as much."""
    squares: Image = x * x + y * y
    return np.sqrt(squares, out=squares)


def _present(radius: Floats, pixel: float) -> Image:
    """How much of a pixel a disc fills at most: 1 but for the last millimetres of the apex."""
    return _wide(np.minimum(np.pi * radius**2 / pixel**2, 1))


def _wide(values: Floats) -> Image:
    """(frames, sub-slices) or (1, sub-slices) made ready to meet (rows, columns)."""
    return values.astype(np.float32)[:, :, None, None]


def _soft(distance: Image, pixel: float) -> Image:
    """Coverage 0 to 1 of a pixel whose centre lies `distance` mm inside an edge."""
    cover: Image = distance * np.float32(1 / pixel)
    cover += np.float32(0.5)
    return np.clip(cover, np.float32(0), np.float32(1), out=cover)


def _paint(image: Image, cover: Image, signal: float) -> None:
    image += cover * (np.float32(signal) - image)
