"""A contender's process: it is checked or it races, and tells the other end of its link what came of it."""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing.connection import Connection
from typing import Any

import torch

from netspec.text import SpecError
from netspec_torch.bench.batches import Batches
from netspec_torch.bench.contender import Contender, LeftOut
from netspec_torch.bench.contenders import CONTENDERS
from netspec_torch.bench.job import Job
from netspec_torch.bench.network import own
from netspec_torch.bench.planned import chosen
from netspec_torch.bench.roof import rates
from netspec_torch.bench.same import check
from netspec_torch.bench.turns import Memory, Turns

CHECKED = 4
"""Samples that the numbers of two networks are compared on, at the most."""


def race(link: Connection, name: str, job: Job) -> None:
    """Train as the contender `name` does, in turns."""
    _serve(link, lambda: _race(link, CONTENDERS[name], job))


def compare(link: Connection, name: str, job: Job) -> None:
    """Say whether the contender `name` computes what the module does."""
    _serve(link, lambda: _compare(link, CONTENDERS[name], job))


def settle(link: Connection, name: str, job: Job) -> None:
    """Say how the plan is to run, and how that came about."""
    del name
    _serve(link, lambda: link.send(("settled", chosen(job))))


def roof(link: Connection, name: str, job: Job) -> None:
    """Tell at every turn how fast this machine multiplies; `name` lists the precisions."""
    _serve(link, lambda: _roof(link, name.split(","), job))


def _serve(link: Connection, work: Any) -> None:
    """Do the work quietly, and send what goes wrong in place of its result."""
    _quieten()
    try:
        work()
    except LeftOut as why:
        link.send(("left out", str(why)))
    except SpecError as trouble:
        link.send(("refused", trouble.diagnostics))
    except (MemoryError, torch.OutOfMemoryError):
        link.send(("left out", "there is not enough memory for it"))
    except (EOFError, BrokenPipeError):
        return  # the other end has gone
    except Exception as fault:  # noqa: BLE001 - what goes wrong here must be told at the other end
        first = (str(fault).strip().splitlines() or [""])[0]
        link.send(("failed", f"{type(fault).__name__}: {first[:300]}"))


def _quieten() -> None:
    """What libraries print goes nowhere: the standard output is for the report. Ctrl+C is the other end's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _race(link: Connection, contender: Contender, job: Job) -> None:
    contender.load()
    batches = Batches(job)
    memory = Memory(job.device)
    ready = contender.ready(job)
    torch.manual_seed(0)  # dropout draws alike
    ready.loop(batches, Turns(link, batches, job.device, dict(ready.settings)))
    link.send(("end", memory.told()))


def _compare(link: Connection, contender: Contender, job: Job) -> None:
    contender.load()
    assert contender.network is not None
    random = any(node.noise for node in job.spec.graph.walk("predict", "train"))
    batch = {name: value[:CHECKED].cpu() for name, value in next(Batches(job)).items()}
    check(own(job.spec), contender.network(job), batch, random=random)
    link.send(("same", not random))


def _roof(link: Connection, precisions: list[str], job: Job) -> None:
    link.send(("ready", {"estimate": 0.0}))
    while link.recv():
        link.send(("turn", {one: rates(job.device, one) for one in precisions}))
    link.send(("end", {}))
