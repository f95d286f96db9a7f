"""A program as ONNX: the spec's names, its letters as free sizes, and nothing of the machine that wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram

import netspec
from netspec.ir.graph import Graph
from netspec.ir.types import TensorType
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec_torch.export.program import Numbers, Unfit, first_lines, quiet

LARGEST = (1 << 31) - 1
"""Bytes that one ONNX file can have; beyond that its weights would lie beside it."""

_BIASED = ("Conv", "ConvTranspose")


def translated(program: ExportedProgram, spec: Spec, graph: Graph) -> Any:
    """The ONNX model of a program, checked by ONNX's own checker; Unfit where the exporter knows no word for an op."""
    import onnx  # noqa: PLC0415 - an extra of its own

    try:
        with quiet():
            written = torch.onnx.export(program, dynamo=True, verbose=False, optimize=False)
            assert written is not None
            _tidy(written.model, program.state_dict.keys())
            model = written.model_proto
    except ImportError:
        raise
    except Exception as trouble:
        raise Unfit(_reason(trouble)) from trouble
    if model.ByteSize() > LARGEST:
        raise SpecError.of(
            "NS756",
            f"the model has {model.ByteSize() >> 20:,} MiB, and an ONNX file at most {LARGEST >> 20:,}",
            help="write `.pt2` or `.safetensors`",
        )
    _plain(model)
    _name(model.graph, graph, _letters(program, graph))
    _tell(model, spec, graph)
    try:
        onnx.checker.check_model(model, full_check=True)
    except onnx.checker.ValidationError as trouble:
        raise Unfit(first_lines(trouble)) from trouble
    return model


def runs_with(file: Path, graph: Graph, tried: Sequence[Numbers]) -> list[dict[str, Tensor]] | None:
    """What onnxruntime makes of each trial; None where it is not installed. Unfit where it refuses the file."""
    try:
        import onnxruntime  # noqa: PLC0415 - only where it is there
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        names = list(graph.entry("predict"))
        taken = {one.name for one in session.get_inputs()}
        found = []
        for one in tried:
            feed = {key: x.numpy() for key, x in zip(graph.inputs, one.inputs, strict=True) if key in taken}
            made = session.run(names, feed)
            found.append({key: torch.from_numpy(value) for key, value in zip(names, made, strict=True)})
    except Exception as trouble:  # whatever the runtime raises, it does not take the file
        raise Unfit(f"onnxruntime: {first_lines(trouble)}") from trouble
    return found


def _tidy(model: Any, keys: Collection[str]) -> None:
    """Compute what is known of shapes now, and take out what nothing reads; weights stay as they are, under their keys.

    The exporter's own optimizer would fold norms into the weights of convolutions and keep the weights' names.
    """
    from onnxscript import optimizer  # noqa: PLC0415 - as `onnx`

    def folds(node: Any) -> bool | None:
        held = node.op_type != "Shape" and any(x is not None and x.name in keys for x in node.inputs)
        return False if held else None

    optimizer.inline(model)
    optimizer.fold_constants(model, should_fold=folds)
    for node in model.graph:
        if node.op_type in _BIASED and len(node.inputs) == 3 and _is_zero(node.inputs[2], keys):
            node.resize_inputs(2)  # the exporter writes zeros where a layer has no bias
    optimizer.remove_unused_nodes(model)


def _is_zero(value: Any, keys: Collection[str]) -> bool:
    """Whether a value is zeros that are nobody's weights."""
    known = None if value is None or value.name in keys else value.const_value
    return known is not None and not known.numpy().any()


def _reason(trouble: BaseException) -> str:
    """What the exporter could not translate, from the innermost of its errors that says so."""
    words = str(trouble)
    found = re.search(r"Error when translating node .*?target=([\w.]+)", words, re.DOTALL)
    if found:
        return f"ONNX's exporter has no word for `{found[1].removeprefix('torch.ops.')}`"
    cause = trouble.__cause__
    return _reason(cause) if cause is not None else first_lines(trouble)


def _plain(model: Any) -> None:
    """Take out where the code stood that it was made from: stack traces, names of classes, files of this machine."""
    model.doc_string = ""
    model.producer_name, model.producer_version = "netspec", netspec.__version__
    del model.metadata_props[:]
    for graph in (model.graph, *model.functions):
        graph.doc_string = ""
        del graph.metadata_props[:]
        for one in (*graph.node, *graph.value_info):
            one.doc_string = ""
            del one.metadata_props[:]
    for one in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        one.doc_string = ""
        del one.metadata_props[:]


def _letters(program: ExportedProgram, graph: Graph) -> dict[str, str]:
    """The spec's letters by the exporter's own names of sizes."""
    given = [one for one in program.graph_signature.input_specs if one.kind.name == "USER_INPUT"]
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    found: dict[str, str] = {}
    for one, kind in zip(given, graph.inputs.values(), strict=True):
        value = values.get(getattr(one.arg, "name", ""))
        for size, axis in zip(getattr(value, "shape", ()), kind.axes, strict=False):
            if axis.size.value is None and isinstance(size, torch.SymInt):
                found.setdefault(str(size), str(axis.size))
    return found


def _name(written: Any, graph: Graph, letters: Mapping[str, str]) -> None:
    """The spec's names for inputs, outputs and free sizes."""
    renamed: dict[str, str] = {}
    by_name = {one.name: one for one in written.input}
    assert by_name.keys() <= graph.inputs.keys(), "the exporter keeps the names of a module's arguments"
    outputs = list(graph.entry("predict").items())
    taken = {one for node in written.node for one in (*node.input, *node.output)} | set(by_name)
    taken |= {one.name for one in written.initializer}
    for (key, _), value in zip(outputs, written.output, strict=True):
        if value.name != key:
            if key in taken:  # an inner value of that name gives way
                renamed[key] = _fresh(f"{key}_", taken)
            renamed[value.name] = key
    for node in written.node:
        node.input[:] = [renamed.get(one, one) for one in node.input]
        node.output[:] = [renamed.get(one, one) for one in node.output]
    for value in (*written.value_info, *written.output):
        value.name = renamed.get(value.name, value.name)
    for value in written.value_info:
        _sizes(value, None, letters)
    for value in written.input:
        _sizes(value, graph.inputs[value.name], letters)
    for (_, ref), value in zip(outputs, written.output, strict=True):
        _sizes(value, graph.type_of(ref), letters)
    written.name = "main"


def _fresh(wanted: str, taken: set[str]) -> str:
    while wanted in taken:
        wanted += "_"
    taken.add(wanted)
    return wanted


def _sizes(value: Any, kind: TensorType | None, letters: Mapping[str, str]) -> None:
    """Free sizes in the spec's own words, where it has them."""
    for place, size in enumerate(value.type.tensor_type.shape.dim):
        if not size.HasField("dim_param"):
            continue
        if kind is not None and kind.axes[place].size.value is None:
            size.dim_param = str(kind.axes[place].size)
        else:
            text = size.dim_param
            for theirs, ours in sorted(letters.items(), key=lambda one: -len(one[0])):
                text = (
                    text.replace(theirs, ours)
                    if not theirs.isalnum()
                    else re.sub(rf"\b{theirs}\b", ours, text)
                )
            size.dim_param = text


def _tell(model: Any, spec: Spec, graph: Graph) -> None:
    """What the file says of itself."""
    model.graph.name = spec.name
    model.graph.doc_string = spec.doc[:2000]
    for key, text in told(spec, graph).items():
        row = model.metadata_props.add()
        row.key, row.value = key, text


def told(spec: Spec, graph: Graph) -> dict[str, str]:
    """The words that an exported file carries: whose model it is, and what is known of its numbers."""
    return {
        "netspec.name": spec.name,
        "netspec.sha256": spec.digest,
        "netspec.version": netspec.__version__,
        "netspec.inputs": json.dumps({key: _known(kind) for key, kind in graph.inputs.items()}),
        "netspec.outputs": json.dumps(
            {key: _known(graph.type_of(ref)) for key, ref in graph.entry("predict").items()}
        ),
        "netspec.use": "for research and teaching; not for clinical use",
    }


def _known(kind: TensorType) -> dict[str, object]:
    """A type as plain data."""
    return {
        "type": kind.named(),
        "unit": kind.unit,
        "facts": list(kind.facts.names()),
    }
