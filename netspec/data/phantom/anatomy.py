"""The left ventricle as a truncated prolate spheroid: its beat, its exact volumes, its exact areas.

With short semi-axis a, long semi-axis c, and the base cut off at a height h above the equator, the cavity holds
`V = pi a^2 (2c/3 + h - h^3/(3c^2))`, the integral of its cross-section `pi a^2 (1 - z^2/c^2)` from z = -c to z = h.
Long axis and h/c are given, a follows, so every frame has exactly the volume it is meant to have.

Lengths are mm, areas mm2, volumes ml. The coordinate `s` runs along the long axis: 0 at the apex of the cavity at
end diastole, growing towards the base. Ellipticity keeps the area: the semi-axes are a sqrt(k) and a / sqrt(k).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netspec.data.phantom.population import Person

Floats = npt.NDArray[np.float64]

MM3_PER_ML = 1000.0
MUSCLE_G_PER_ML = 1.05  # density of myocardium
MASS_G_PER_ML_EDV = 0.70
APICAL_WALL = 0.6  # the wall at the apex, relative to the wall at the equator


@dataclass(frozen=True)
class Ventricle:
    """One left ventricle over one beat; every array has shape (frames,).

    `stroke` is u of the beat (1 at end diastole, 0 at end systole), `volume` ml, `a` and `c` the semi-axes of the
    cavity, `h` the height of the cut over the equator, `wall` the thickness at the equator, `equator` its place on s.
    """

    stroke: Floats
    volume: Floats
    a: Floats
    c: Floats
    h: Floats
    wall: Floats
    equator: Floats

    @property
    def base(self) -> Floats:
        """Where the cavity ends above, on s: (frames,)."""
        return self.equator + self.h

    @property
    def length(self) -> float:
        """Apex to base at end diastole."""
        return float(self.c[0] + self.h[0])

    def volume_below(self, s: float) -> Floats:
        """Millilitres of cavity on the apex side of the plane at `s`: (frames,)."""
        z = np.clip(s - self.equator, -self.c, self.h)
        return np.pi * self.a**2 * (z - z**3 / (3 * self.c**2) + 2 * self.c / 3) / MM3_PER_ML

    def slab_area(self, s: float, thickness: float) -> Floats:
        """Mean cross-section of the cavity over a slab centred at `s`: (frames,), by the exact integral."""
        slab = self.volume_below(s + thickness / 2) - self.volume_below(s - thickness / 2)
        return slab * MM3_PER_ML / thickness

    def cavity_radius(self, z: Floats) -> Floats:
        """Radius of the cavity at heights z over the equator, (frames, n); 0 beyond the apex, uncut at the base."""
        return _cross_section(z, self.a, self.c)

    def outer_radius(self, z: Floats) -> Floats:
        """Radius of the outer surface of the wall at heights z over the equator, (frames, n)."""
        return _cross_section(z, self.a + self.wall, self.c + APICAL_WALL * self.wall)


def beat(frames: int, end_systole: float = 0.37, kick: float = 0.22) -> Floats:
    """The stroke fraction u of each frame: 1 at frame 0 alone, 0 at the frame nearest to `end_systole` alone.

    Ejection is half a cosine; then fast filling, a rest, and the atrial kick (its share is `kick`) at 0.9 of the cycle.
    """
    last = min(max(round(end_systole * frames), 1), frames - 1)
    phase = np.arange(frames) / frames
    down = 0.5 * (1 + np.cos(np.pi * np.minimum(np.arange(frames) / last, 1.0)))
    rest = (phase - last / frames) / (1 - last / frames)  # 0 at end systole, 1 at the next beat
    fast = _smooth_step(rest / 0.45)
    slow = 0.04 * np.clip(rest, 0, 1)
    atrium = _smooth_step((phase - 0.80) / 0.20)
    up = (1 - kick - 0.04) * fast + slow + kick * atrium
    u = np.where(np.arange(frames) <= last, down, up)
    u[0], u[last] = 1.0, 0.0
    return u


def ventricle(person: Person, stroke: Floats, cut: float, mass: float = MASS_G_PER_ML_EDV) -> Ventricle:
    """The geometry that holds `person`'s volumes at every frame.

    `cut` is h/c; `mass` grams of muscle per ml of end-diastolic volume, constant over the beat, so the wall thickens
    as the cavity empties. The long axis is 93 mm (EDV/150)^(1/3) and shortens by 0.17 EF/0.6.
    """
    volume = person.esv + stroke * (person.edv - person.esv)
    shortening = 0.17 * person.ejection_fraction / 0.6
    long_axis = 93.0 * (person.edv / 150) ** (1 / 3) * (1 - shortening * (1 - stroke))
    c = long_axis / (1 + cut)
    h = cut * c
    a = np.sqrt(volume * MM3_PER_ML / (np.pi * (2 * c / 3 + h - h**3 / (3 * c**2))))
    tissue = mass / MUSCLE_G_PER_ML * person.edv
    wall = _wall(a, c, h, volume + tissue)
    # The outer apex stays where it is: as the wall thickens the apex of the cavity rises.
    equator = c + APICAL_WALL * (wall - wall[0])
    return Ventricle(stroke, volume, a, c, h, wall, equator)


def truncated_volume(a: Floats, c: Floats, h: Floats) -> Floats:
    """Volume in ml of a spheroid with semi-axes a, a, c that is cut at h over its equator."""
    return np.pi * a**2 * (2 * c / 3 + h - h**3 / (3 * c**2)) / MM3_PER_ML


def _wall(a: Floats, c: Floats, h: Floats, outer: Floats) -> Floats:
    """The thickness that makes the outer surface hold `outer` ml, by bisection: the volume grows with it."""
    low, high = np.zeros_like(a), np.full_like(a, 80.0)
    for _ in range(60):
        middle = (low + high) / 2
        small = truncated_volume(a + middle, c + APICAL_WALL * middle, h) < outer
        low, high = np.where(small, middle, low), np.where(small, high, middle)
    return (low + high) / 2


def _cross_section(z: Floats, a: Floats, c: Floats) -> Floats:
    return a[:, None] * np.sqrt(np.maximum(1 - (z / c[:, None]) ** 2, 0))


def _smooth_step(x: Floats) -> Floats:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
