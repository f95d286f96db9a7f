"""Where every random number of the phantom comes from: one stream for each seed, split, patient and purpose."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, split: str, patient: int, purpose: str, part: int = 0) -> np.random.Generator:
    """A generator that depends on its arguments alone.

    Purposes have streams of their own so that one more number drawn for the pose leaves the labels as they are. The
    split is part of the key: the same seed gives the training and the test set different people.
    """
    key = [seed, crc32(split.encode()), patient, crc32(purpose.encode()), part]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))
