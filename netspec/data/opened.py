"""A source that has been opened: what it is called by its fingerprint, who is in it, and how to read one of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from netspec.data.quality import QualityRecord
from netspec.data.study import Array, Study


@dataclass
class Opened:
    """What `open_samples` needs of a source.

    `read(i)`, which several threads may call at once, gives the study of `group_ids[i]` under the source's field names,
    or None where nothing of it can be used; what it decides goes to `quality`. `finish` is called once all have been
    read and may raise SpecError. `fingerprint` changes with the content and with settings that change what is read.
    """

    fingerprint: str
    group_ids: tuple[str, ...]
    read: Callable[[int], Study | None]
    quality: QualityRecord = field(default_factory=QualityRecord)
    finish: Callable[[], None] = lambda: None


def studies(opened: Opened, workers: int | Literal["auto"]) -> Iterator[Study | None]:
    """All studies in order, the next ones read by `workers` threads while the caller is busy with the last.

    `auto` is one thread: arithmetic on arrays and reading files then overlap. More of them help where files come
    slowly, as from a network; 0 reads in the caller's own thread.
    """
    threads = 1 if workers == "auto" else workers
    if threads == 0:
        yield from map(opened.read, range(len(opened.group_ids)))
        return
    ahead: deque[Future[Study | None]] = deque()
    with ThreadPoolExecutor(threads, "netspec-reader") as pool:
        try:
            for i in range(len(opened.group_ids)):
                ahead.append(pool.submit(opened.read, i))
                if len(ahead) > threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def one_by_one(
    arrays: Mapping[str, Array], groups: NDArray[np.int64], group_ids: Sequence[str], fingerprint: str
) -> Opened:
    """A source whose arrays are already in memory: the first axis counts samples, `groups` says whose they are."""
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(len(group_ids) + 1))

    def read(i: int) -> Study:
        members = order[starts[i] : starts[i + 1]]
        fields = {name: [array[member] for member in members] for name, array in arrays.items()}
        return Study(fields, [None] * len(members))

    return Opened(fingerprint, tuple(group_ids), read)
