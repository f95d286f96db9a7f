"""The handwritten digits that come with scikit-learn: real images for a first network, with nothing to download."""

from __future__ import annotations

import hashlib

import numpy as np

from netspec.data.opened import Opened, one_by_one
from netspec.data.study import Array
from netspec.text import SpecError


def open_digits() -> Opened:
    """The 1,797 samples, with the fields `pixels`, `image` and `label` of the source `digits`."""
    try:
        from sklearn.datasets import load_digits  # noqa: PLC0415 - an extra that only this source needs
    except ImportError as error:
        raise SpecError.of(
            "NS534", "the source `digits` needs scikit-learn", help="pip install 'netspec-compiler[digits]'"
        ) from error
    bunch = load_digits()
    pixels = np.asarray(bunch.images, np.float32)
    label = np.asarray(bunch.target, np.int64)
    arrays: dict[str, Array] = {"pixels": pixels, "image": pixels[:, None], "label": label}
    fingerprint = hashlib.sha256(pixels.tobytes() + label.tobytes()).hexdigest()
    return one_by_one(arrays, np.arange(len(label)), [str(i) for i in range(len(label))], fingerprint)
