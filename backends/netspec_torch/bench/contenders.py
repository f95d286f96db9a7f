"""Who races, in the order in which they are told."""

from __future__ import annotations

from netspec_torch.bench.contender import BY_HAND, MODULE, Contender
from netspec_torch.bench.in_keras import KERAS
from netspec_torch.bench.in_lightning import LIGHTNING
from netspec_torch.bench.planned import PLAN

CONTENDERS: dict[str, Contender] = {one.name: one for one in (PLAN, MODULE, BY_HAND, LIGHTNING, KERAS)}
