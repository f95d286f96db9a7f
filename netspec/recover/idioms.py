"""Figures of several steps for which there is one word, whatever the source was; what does nothing goes.

Every pass takes steps and gives steps that compute the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from netspec.recover.sketch import Sketch, Step

Made = Mapping[str, Step]


def shortened(sketch: Sketch) -> Sketch:
    """The sketch in the shortest words that are known."""
    for look in (_same, _plain_norms, _selected, _unbound, _differences, _rescaled, _excited, _adaptive):
        sketch = _rewritten(sketch, look)
    return sketch


Look = Callable[[Step, "_Sight"], "Sequence[Step] | None"]


class _Sight:
    """What a pass sees of a sketch: who makes a value, and how often it is taken."""

    def __init__(self, sketch: Sketch) -> None:
        self.made = {value: step for step in sketch.steps for value in step.outputs}
        self.uses = Counter(value for step in sketch.steps for value in step.inputs)
        self.uses.update(sketch.outputs.values())
        self.users: dict[str, list[Step]] = {}
        for step in sketch.steps:
            for value in step.inputs:
                self.users.setdefault(value, []).append(step)

    def maker(self, value: str, op: str, *, alone: bool = True) -> Step | None:
        """The step that makes a value, if it is this op and, where `alone`, for one taker only."""
        step = self.made.get(value)
        return step if step is not None and step.op == op and (not alone or self.uses[value] == 1) else None

    def number(self, value: str) -> float | None:
        """A plain number."""
        step = self.made.get(value)
        return float(str(step.arguments["value"])) if step is not None and step.op == "constant" else None


def _rewritten(sketch: Sketch, look: Look) -> Sketch:
    """Every figure replaced at its last step; steps that nothing needs any more are left out."""
    sight = _Sight(sketch)
    steps: list[Step] = []
    for step in sketch.steps:
        found = look(step, sight)
        steps.extend((step,) if found is None else found)
    needed = set(sketch.outputs.values())
    kept: list[Step] = []
    for step in reversed(steps):
        if needed.intersection(step.outputs):
            kept.append(step)
            needed.update(step.inputs)
            needed.update({step.shares} if step.shares else ())
    return replace(sketch, steps=tuple(reversed(kept)))


def _same(step: Step, sight: _Sight) -> Sequence[Step] | None:
    """Padding that keeps the size is a word, where it would be a list."""
    del sight
    kernel, padding = step.arguments.get("kernel_size"), step.arguments.get("padding")
    if step.op != "conv" or not isinstance(kernel, list) or not isinstance(padding, list):
        return None
    if step.arguments.get("stride", 1) != 1 or step.arguments.get("dilation", 1) != 1:
        return None
    if padding != [size // 2 for size in kernel] or any(size % 2 == 0 for size in kernel):
        return None
    return (replace(step, arguments={**step.arguments, "padding": "same"}),)


def _plain_norms(step: Step, sight: _Sight) -> Sequence[Step] | None:
    """`permute`, a norm of the channels, and `permute` back: netspec's norm finds its axis by name."""
    if step.op != "permute":
        return None
    norm = sight.maker(step.inputs[0], "layer_norm")
    before = sight.maker(norm.inputs[0], "permute") if norm is not None else None
    if norm is None or before is None or norm.shares:
        return None
    order, back = before.arguments["axis"], step.arguments["axis"]
    axis = norm.arguments.get("axis")
    if not isinstance(order, list) or not isinstance(back, list) or not isinstance(axis, str):
        return None
    if axis != order[-1] or back != [axis, *order[:-1]]:
        return None
    return (replace(norm, inputs=before.inputs, outputs=step.outputs),)


def _selected(step: Step, sight: _Sight) -> Sequence[Step] | None:
    """A stretch of one place whose axis then goes."""
    if step.op != "squeeze":
        return None
    cut = sight.maker(step.inputs[0], "narrow")
    if cut is None or cut.arguments.get("axis") != step.arguments.get("axis") or "step" in cut.arguments:
        return None
    start, stop = cut.arguments.get("start", 0), cut.arguments.get("stop")
    if not isinstance(start, int) or (stop is None and not start):
        return None
    if isinstance(stop, int) and stop - start != 1 and start == 0:
        return None  # from elsewhere on the squeeze says that one place was left, and it is that of `start`
    index = start
    arguments = {"axis": step.arguments["axis"], **({"index": index} if index else {})}
    return (Step(step.name or cut.name, "select", arguments, cut.inputs, step.outputs),)


def _unbound(step: Step, sight: _Sight) -> Sequence[Step] | None:
    """All places along an axis, each by itself: told at the first, and the others are gone."""
    if step.op != "select":
        return None
    axis = step.arguments["axis"]
    users = sight.users[step.inputs[0]]
    same = [one for one in users if one.op == "select" and one.arguments["axis"] == axis]
    places = [one.arguments.get("index", 0) for one in same]
    source = sight.made.get(step.inputs[0])
    size = (
        None if source is None else source.arguments.get("out_features", source.arguments.get("out_channels"))
    )
    if len(same) < 2 or len(same) != len(users) or places != list(range(len(same))) or size != len(same):
        return None
    if step is not same[0]:
        return ()
    outputs = tuple(one.outputs[0] for one in same)
    return (Step(step.name, "unbind", {"axis": axis}, step.inputs, outputs),)


def _differences(step: Step, sight: _Sight) -> Sequence[Step] | None:
    """All places but the first less all but the last."""
    if step.op != "sub" or step.arguments:
        return None
    later, sooner = (sight.maker(value, "narrow") for value in step.inputs)
    if later is None or sooner is None or later.inputs != sooner.inputs:
        return None
    axis = later.arguments.get("axis")
    if dict(later.arguments) != {"axis": axis, "start": 1} or dict(sooner.arguments) != {
        "axis": axis,
        "stop": -1,
    }:
        return None
    arguments = {} if axis == "channel" else {"axis": axis}
    return (Step(step.name, "frame_difference", arguments, later.inputs, step.outputs),)


def _rescaled(step: Step, sight: _Sight) -> Sequence[Step] | None:
    """`(x - mean) / std` of plain numbers."""
    if step.op != "div":
        return None
    std = sight.number(step.inputs[1])
    inner = sight.maker(step.inputs[0], "sub")
    mean = sight.number(inner.inputs[1]) if inner is not None else None
    if std is None or not std > 0 or inner is None or mean is None:
        return None
    return (Step(step.name, "rescale", {"mean": mean, "std": std}, inner.inputs[:1], step.outputs),)


def _excited(step: Step, sight: _Sight) -> Sequence[Step] | None:
    """A product with a gate that is made of the mean of every channel: squeeze and excitation."""
    if step.op != "mul" or not step.arguments.get("broadcast") or len(step.inputs) != 2:
        return None
    for x, gate in (step.inputs, step.inputs[::-1]):
        found = _gate(x, gate, sight)
        if found is not None:
            arguments, weights, name = found
            return (Step(name, "squeeze_excite", arguments, (x,), step.outputs, weights),)
    return None


def _gate(x: str, gate: str, sight: _Sight) -> tuple[dict[str, object], dict[str, Any], str] | None:
    """Arguments and weights of `squeeze_excite`, and the source's name; None where the gate is another one."""
    scale = sight.made.get(gate)
    if scale is None or scale.op not in {"sigmoid", "hardsigmoid"} or sight.uses[gate] != 1:
        return None
    second = sight.maker(scale.inputs[0], "conv")
    bend = sight.made.get(second.inputs[0]) if second is not None else None
    if (
        second is None
        or bend is None
        or bend.op not in {"relu", "silu", "hardswish", "gelu"}
        or bend.arguments
    ):
        return None
    first = sight.maker(bend.inputs[0], "conv")
    pool = sight.maker(first.inputs[0], "adaptive_avg_pool") if first is not None else None
    if first is None or pool is None or pool.inputs != (x,) or pool.arguments.get("output_size") != 1:
        return None
    plain = {"out_channels", "kernel_size", "bias"}
    if not all(plain.issuperset(one.arguments) and not one.shares for one in (first, second)):
        return None
    if ("bias" in first.weights) != ("bias" in second.weights) or first.arguments["kernel_size"] != 1:
        return None
    arguments: dict[str, object] = {"squeeze_channels": first.arguments["out_channels"]}
    if bend.op != "relu":
        arguments["activation"] = bend.op
    if scale.op != "sigmoid":
        arguments["scale_activation"] = scale.op
    if "bias" not in first.weights:
        arguments["bias"] = False
    parts = (("fc1", first), ("fc2", second))
    weights = {f"{part}.{key}": one for part, conv in parts for key, one in conv.weights.items()}
    name = first.name.rpartition(".")[0] if "." in first.name else ""
    return arguments, weights, name


def _adaptive(step: Step, sight: _Sight) -> Sequence[Step] | None:
    """One place of each channel, flattened: a global pool."""
    pools = {"adaptive_avg_pool": "global_avg_pool", "adaptive_max_pool": "global_max_pool"}
    if step.op != "flatten" or step.arguments:
        return None
    pool = sight.made.get(step.inputs[0])
    if pool is None or pool.op not in pools or pool.arguments.get("output_size") != 1:
        return None
    return (Step(step.name, pools[pool.op], {}, pool.inputs, step.outputs),)
