"""The network of an ONNX file, run as it is: by onnxruntime where it is installed, else by ONNX's own evaluator.

It is run only after every node was read and said, so that none but ONNX's own plain ops are in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec_onnx.file import Model

Array = NDArray[Any]


class Running:
    """Runs a model on inputs by the names of its sketch."""

    def __init__(
        self,
        model: Model,
        outputs: Mapping[str, str],
        values: Mapping[str, str],
        inputs: Mapping[str, tuple[str, int | None]],
    ) -> None:
        self._model = model
        self._outputs = outputs
        self._values = values
        self._inputs = inputs

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """The outputs by the names of the sketch."""
        return self._run(inputs, self._outputs)

    def tell(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """The values of steps by the names of the sketch, as far as the file has them with the same axes."""
        made = {name for node in self._model.nodes for name in node.outputs}
        return self._run(inputs, {value: name for value, name in self._values.items() if name in made})

    def _run(self, inputs: Mapping[str, Array], wanted: Mapping[str, str]) -> dict[str, Array]:
        """A file that was made for one size of the batch gets its samples so many at a time."""
        batch = next((size for _, size in self._inputs.values() if size is not None), None)
        count = len(next(iter(inputs.values())))
        session = _session(self._model, list(wanted.values()))
        if batch is None or batch == count:
            return dict(zip(wanted, session(self._named(inputs, 0, count)), strict=True))
        parts = [session(self._named(inputs, start, start + batch)) for start in range(0, count, batch)]
        return {value: np.concatenate([part[i] for part in parts])[:count] for i, value in enumerate(wanted)}

    def _named(self, inputs: Mapping[str, Array], start: int, stop: int) -> dict[str, Array]:
        """Some samples by the names of the file; where there are too few, the last one again."""
        found = {}
        for word, (name, _) in self._inputs.items():
            part = inputs[word][start:stop]
            if len(part) < stop - start:
                part = np.concatenate([part, np.repeat(part[-1:], stop - start - len(part), axis=0)])
            found[name] = part
        return found


def _session(model: Model, names: list[str]) -> Any:
    """What gives the values of these names for inputs."""
    from onnx import ModelProto, helper  # noqa: PLC0415 - whoever comes here has it

    proto = ModelProto()
    proto.CopyFrom(model.proto)
    held = {one.name: one for one in proto.graph.output}
    del proto.graph.output[:]
    for name in names:
        proto.graph.output.append(held[name] if name in held else helper.make_empty_tensor_value_info(name))
    try:
        import onnxruntime  # noqa: PLC0415 - quicker, and not needed
    except ModuleNotFoundError:
        from onnx.reference import ReferenceEvaluator  # noqa: PLC0415 - as above

        evaluator = ReferenceEvaluator(proto)
        return lambda inputs: [np.asarray(one) for one in evaluator.run(names, dict(inputs))]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda inputs: [np.asarray(one) for one in session.run(names, dict(inputs))]
