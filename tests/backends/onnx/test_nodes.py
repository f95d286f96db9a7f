"""Nodes made by hand, imported and run: every idiom of exporters ends in the words that a person would write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from netspec.recover.imported import recovered
from netspec.text import SpecError
from tests.backends.onnx.made import Array, model, node, noise, put

Tensors = Mapping[str, Array]


def ints(*values: int) -> Array:
    return np.array(values, np.int64)


def number(value: float) -> Array:
    return np.array(value, np.float32)


def ops(path: str, **options: Any) -> list[str]:
    """What the layers of the spec do, in order; it was held to the file when it is here."""
    return [one.op.name for one in recovered(path, **options).spec.spec.graph.nodes]


W1 = noise(6, 4, 1, 1)
W3 = noise(6, 4, 3, 3)
GELU = (
    node("Div", ["x", "root"], ["a"]),
    node("Erf", ["a"], ["b"]),
    node("Add", ["b", "one"], ["c"]),
    node("Mul", ["x", "c"], ["d"]),
    node("Mul", ["d", "half"]),
)
HARD = (
    node("Add", ["x", "three"], ["a"]),
    node("Clip", ["a", "zero", "six"], ["b"]),
    node("Mul", ["x", "b"], ["c"]),
    node("Div", ["c", "six"]),
)
LAYER_NORM = (
    node("ReduceMean", ["x", "last"], ["m"]),
    node("Sub", ["x", "m"], ["d"]),
    node("Pow", ["d", "two"], ["s"]),
    node("ReduceMean", ["s", "last"], ["v"]),
    node("Add", ["v", "eps"], ["e"]),
    node("Sqrt", ["e"], ["r"]),
    node("Div", ["d", "r"], ["q"]),
    node("Mul", ["q", "scale"], ["w"]),
    node("Add", ["w", "shift"]),
)
CONSTANTS: dict[str, Array] = {
    "zero": number(0),
    "half": number(0.5),
    "one": number(1),
    "two": number(2),
    "three": number(3),
    "six": number(6),
    "root": number(np.sqrt(2)),
    "eps": number(1e-5),
    "last": ints(-1),
    "scale": noise(8) + 1,
    "shift": noise(8),
    "w1": W1,
    "w3": W3,
    "bias": noise(6),
    "first": ints(1),
    "space": ints(2, 3),
}

SHUFFLE = (
    node("Reshape", ["x", "apart"], ["a"]),
    node("Transpose", ["a"], ["t"], perm=[0, 2, 1, 3, 4]),
    node("Reshape", ["t", "together"]),
)
SIZES = (
    node("Shape", ["x"], ["s"]),
    node("Gather", ["s", "nought"], ["n"], axis=0),
    node("Unsqueeze", ["n", "noughts"], ["n1"]),
    node("Concat", ["n1", "rest"], ["wanted"], axis=0),
    node("Reshape", ["x", "wanted"]),
)
EXCITED = (
    node("GlobalAveragePool", ["x"], ["p"]),
    node("Conv", ["p", "down"], ["d"]),
    node("Relu", ["d"], ["r"]),
    node("Conv", ["r", "up"], ["u"]),
    node("Sigmoid", ["u"], ["g"]),
    node("Mul", ["x", "g"]),
)

CASES: dict[str, tuple[tuple[Any, ...], Tensors, list[str]]] = {
    "a convolution": ((node("Conv", ["x", "w3", "bias"], pads=[1, 1, 1, 1], strides=[2, 2]),), {}, ["conv"]),
    "more padding behind than before": ((node("Conv", ["x", "w3"], pads=[0, 1, 1, 2]),), {}, ["conv"]),
    "auto_pad at the end": (
        (node("Conv", ["x", "w3"], auto_pad="SAME_UPPER", strides=[2, 2]),),
        {},
        ["conv"],
    ),
    "auto_pad at the beginning": ((node("Conv", ["x", "w3"], auto_pad="SAME_LOWER"),), {}, ["conv"]),
    "groups and gaps": (
        (node("Conv", ["x", "g"], group=2, dilations=[2, 1]),),
        {"g": noise(6, 2, 3, 3)},
        ["conv"],
    ),
    "a transposed convolution": (
        (
            node(
                "ConvTranspose", ["x", "t", "bias"], strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 0]
            ),
        ),
        {"t": noise(4, 6, 3, 3)},
        ["conv_transpose"],
    ),
    "a transposed convolution that is cut on one side": (
        (node("ConvTranspose", ["x", "t"], strides=[2, 2], pads=[0, 0, 1, 1]),),
        {"t": noise(4, 6, 3, 3)},
        ["conv_transpose", "narrow", "narrow"],
    ),
    "a bias behind a convolution": (
        (node("Conv", ["x", "w1"], ["c"]), node("Add", ["c", "wide"])),
        {"wide": noise(1, 6, 1, 1)},
        ["conv"],
    ),
    "a pool after a relu, padded on one side": (
        (
            node("Relu", ["x"], ["r"]),
            node("MaxPool", ["r"], kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]),
        ),
        {},
        ["relu", "pad", "max_pool"],
    ),
    "a pool of any numbers, padded on one side": (
        (node("MaxPool", ["x"], kernel_shape=[2, 2], auto_pad="SAME_UPPER"),),
        {},
        ["pad", "max_pool"],
    ),
    "a mean that counts what is there": (
        (node("AveragePool", ["x"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),),
        {},
        ["avg_pool"],
    ),
    "a norm of the batch": (
        (node("BatchNormalization", ["x", "s", "t", "m", "v"], epsilon=1e-3, momentum=0.99),),
        {"s": noise(4) + 1, "t": noise(4), "m": noise(4), "v": np.abs(noise(4)) + 0.5},
        ["batch_norm"],
    ),
    "an instance norm": (
        (node("InstanceNormalization", ["x", "s", "t"]),),
        {"s": noise(4) + 1, "t": noise(4)},
        ["instance_norm"],
    ),
    "a layer norm said with nine nodes": (LAYER_NORM, {}, ["layer_norm"]),
    "a local response norm": ((node("LRN", ["x"], size=3, alpha=0.01),), {}, ["local_response_norm"]),
    "gelu by erf": (GELU, {}, ["gelu"]),
    "hardswish by a clip": (HARD, {}, ["hardswish"]),
    "hardsigmoid by a clip": (
        (HARD[0], HARD[1], node("Div", ["b", "six"])),
        {},
        ["hardsigmoid"],
    ),
    "silu": ((node("Sigmoid", ["x"], ["s"]), node("Mul", ["x", "s"])), {}, ["silu"]),
    "mish": (
        (node("Softplus", ["x"], ["a"]), node("Tanh", ["a"], ["b"]), node("Mul", ["x", "b"])),
        {},
        ["mish"],
    ),
    "softsign": (
        (node("Abs", ["x"], ["a"]), node("Add", ["a", "one"], ["b"]), node("Div", ["x", "b"])),
        {},
        ["softsign"],
    ),
    "a hard sigmoid of another slope": (
        (node("HardSigmoid", ["x"]),),
        {},
        ["constant", "constant", "mul", "add", "hardtanh"],
    ),
    "relu6": ((node("Clip", ["x", "zero", "six"]),), {}, ["relu6"]),
    "hardtanh": ((node("Clip", ["x", "minus", "one"]),), {"minus": number(-1)}, ["hardtanh"]),
    "one limit": ((node("Clip", ["x", "half"]),), {}, ["clamp"]),
    "a dropout that is left": ((node("Dropout", ["x", "half"]),), {}, ["dropout"]),
    "identities in a row": ((node("Identity", ["x"], ["a"]), node("Relu", ["a"])), {}, ["relu"]),
    "prelu of the channels": ((node("PRelu", ["x", "slope"]),), {"slope": noise(4, 1, 1)}, ["prelu"]),
    "numbers as a formula": (
        (node("Mul", ["x", "three"], ["a"]), node("Sub", ["one", "a"])),
        {},
        ["constant", "constant", "mul", "sub"],
    ),
    "flatten and gemm": (
        (node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "w", "b5"], transB=1)),
        {"w": noise(5, 256), "b5": noise(5)},
        ["flatten", "linear"],
    ),
    "a gemm with factors": (
        (node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "w", "b5"], alpha=0.5, beta=2.0)),
        {"w": noise(256, 5), "b5": noise(5)},
        ["flatten", "linear"],
    ),
    "matmul and add": (
        (node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "w"], ["m"]), node("Add", ["b5", "m"])),
        {"w": noise(256, 5), "b5": noise(5)},
        ["flatten", "linear"],
    ),
    "reshape to a row": ((node("Reshape", ["x", "row"]),), {"row": ints(0, -1)}, ["flatten"]),
    "reshape by sizes that are worked out": (
        SIZES,
        {"nought": np.array(0), "noughts": ints(0), "rest": ints(-1)},
        ["flatten"],
    ),
    "a pool and a flatten": (
        (node("GlobalAveragePool", ["x"], ["p"]), node("Flatten", ["p"])),
        {},
        ["global_avg_pool"],
    ),
    "a mean over space": ((node("ReduceMean", ["x", "space"], keepdims=0),), {}, ["global_avg_pool"]),
    "a mean that is squeezed": (
        (node("ReduceMean", ["x", "space"], ["m"]), node("Squeeze", ["m", "space"])),
        {},
        ["global_avg_pool"],
    ),
    "a mean that keeps its axes": ((node("GlobalAveragePool", ["x"]),), {}, ["adaptive_avg_pool"]),
    "squeeze and excitation": (
        EXCITED,
        {"down": noise(2, 4, 1, 1), "up": noise(4, 2, 1, 1)},
        ["squeeze_excite"],
    ),
    "a channel shuffle": (
        SHUFFLE,
        {"apart": ints(0, 2, 2, 8, 8), "together": ints(0, 4, 8, 8)},
        ["channel_shuffle"],
    ),
    "channels put last": ((node("Transpose", ["x"], perm=[0, 2, 3, 1]),), {}, ["permute"]),
    "depth to space": ((node("DepthToSpace", ["x"], blocksize=2, mode="CRD"),), {}, ["pixel_shuffle"]),
    "a tile before the channels": (
        (node("DepthToSpace", ["x"], blocksize=2),),
        {},
        ["channel_shuffle", "pixel_shuffle"],
    ),
    "space to depth": (
        (node("SpaceToDepth", ["x"], blocksize=2),),
        {},
        ["pixel_unshuffle", "channel_shuffle"],
    ),
    "twice as large, nearest": (
        (
            node(
                "Resize",
                ["x", "", "scales"],
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            ),
        ),
        {"scales": np.array([1, 1, 2, 2], np.float32)},
        ["resize"],
    ),
    "twice as large, linear": (
        (node("Resize", ["x", "", "scales"], mode="linear", coordinate_transformation_mode="half_pixel"),),
        {"scales": np.array([1, 1, 2, 2], np.float32)},
        ["resize"],
    ),
    "a border that mirrors": (
        (node("Pad", ["x", "pads"], mode="reflect"),),
        {"pads": ints(0, 0, 1, 2, 0, 0, 1, 2)},
        ["pad"],
    ),
    "a stretch": (
        (node("Slice", ["x", "from", "to", "axes", "steps"]),),
        {"from": ints(1), "to": ints(2**62), "axes": ints(2), "steps": ints(2)},
        ["narrow"],
    ),
    "backwards": (
        (node("Slice", ["x", "from", "to", "axes", "steps"]),),
        {"from": ints(-1), "to": ints(-(2**62)), "axes": ints(3), "steps": ints(-1)},
        ["flip"],
    ),
    "one place": ((node("Gather", ["x", "place"], axis=2),), {"place": np.array(3)}, ["select"]),
    "halves that are added": (
        (node("Split", ["x"], ["a", "b2"], axis=1, num_outputs=2), node("Add", ["a", "b2"])),
        {},
        ["chunk", "add"],
    ),
    "probabilities of the channels": ((node("Softmax", ["x"], axis=1),), {}, ["softmax"]),
    "logarithms of them": ((node("LogSoftmax", ["x"], axis=1),), {}, ["log_softmax"]),
    "the class": ((node("ArgMax", ["x"], axis=1, keepdims=0),), {}, ["argmax"]),
    "a running sum": (
        (node("CumSum", ["x", "place"], reverse=1),),
        {"place": np.array(2)},
        ["flip", "cumsum", "flip"],
    ),
    "a factor of each channel": (
        (node("Mul", ["x", "gamma.weight"]),),
        {"gamma.weight": noise(4, 1, 1)},
        ["layer_scale"],
    ),
    "a root of a sum of squares": (
        (node("ReduceL2", ["x", "first"], keepdims=0),),
        {},
        ["mul", "sum", "sqrt"],
    ),
    "a choice": (
        (node("Greater", ["x", "zero"], ["m"]), node("Neg", ["x"], ["n"]), node("Where", ["m", "x", "n"])),
        {},
        ["constant", "neg", "greater", "where"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_figure_of_nodes_ends_in_the_words_for_it(case: str, tmp_path: Path) -> None:
    nodes, tensors, wanted = CASES[case]
    found = ops(put(tmp_path, model(*nodes, tensors={**CONSTANTS, **tensors})))
    assert sorted(found) == sorted(wanted)


REFUSED: dict[str, tuple[tuple[Any, ...], Tensors, str]] = {
    "an op that is not there": ((node("Det", ["x"]),), {}, "`Det` at `Det_y`"),
    "an op of another domain": ((node("Magic", ["x"], domain="acme"),), {}, "`acme.Magic`"),
    "erf by itself": ((node("Erf", ["x"]),), {}, "no `erf`"),
    "erf behind arithmetic": ((node("Erf", ["x"], ["e"]), node("Add", ["e", "one"])), {}, "`Erf` at `Erf_e`"),
    "a product over the batch": ((node("ReduceMean", ["x", "n"]),), {"n": ints(0)}, "samples are reduced"),
    "samples that change places": (
        (node("Transpose", ["x"], perm=[1, 0, 2, 3]),),
        {},
        "samples change places",
    ),
    "samples among other axes": ((node("Reshape", ["x", "s"]),), {"s": ints(-1, 8)}, "samples are laid out"),
    "the batch is joined": ((node("Concat", ["x", "x"], axis=0),), {}, "samples are joined"),
    "a mean padded on one side": (
        (node("AveragePool", ["x"], kernel_shape=[2, 2], auto_pad="SAME_UPPER"),),
        {},
        "more padding on one side",
    ),
    "coordinates of another kind": (
        (node("Resize", ["x", "", "s"], mode="cubic", coordinate_transformation_mode="asymmetric"),),
        {"s": np.array([1, 1, 2, 2], np.float32)},
        "`asymmetric` coordinates",
    ),
    "weights that are computed": (
        (node("Neg", ["x"], ["n"]), node("Conv", ["x", "n"])),
        {},
        "computed by the network itself",
    ),
    "sizes that are computed": (
        (
            node("ReduceMax", ["x"], ["m"]),
            node("Cast", ["m"], ["c"], to=TensorProto.INT64),
            node("Reshape", ["x", "c"]),
        ),
        {},
        "samples are reduced",
    ),
    "numbers of another kind": ((node("Conv", ["x", "w"]),), {"w": np.ones((6, 4, 1, 1), np.int32)}, "int32"),
    "a branch that the numbers choose": ((node("NonZero", ["x"]),), {}, "`NonZero`"),
    "the places of the largest": (
        (node("MaxPool", ["x"], ["a", "y"], kernel_shape=[2, 2]),),
        {},
        "counted through samples",
    ),
    "training": ((node("Dropout", ["x", "half", "yes"]),), {"yes": np.array(True)}, "by chance"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_words_is_refused_at_its_place(case: str, tmp_path: Path) -> None:
    nodes, tensors, wanted = REFUSED[case]
    path = put(tmp_path, model(*nodes, tensors={**CONSTANTS, **tensors}))
    with pytest.raises(SpecError) as caught:
        recovered(path)
    assert {one.code for one in caught.value.diagnostics} == {"NS773"}
    assert any(wanted in one.message for one in caught.value.diagnostics)


def test_everything_that_has_no_words_is_told_at_once(tmp_path: Path) -> None:
    nodes = (
        node("Det", ["x"], ["a"]),
        node("Relu", ["a"], ["b"]),
        node("Round", ["b"], ["c"]),
        node("Det", ["c"]),
    )
    with pytest.raises(SpecError) as caught:
        recovered(put(tmp_path, model(*nodes)))
    told = [one.message for one in caught.value.diagnostics]
    assert told == [
        "`Det` at `Det_a`, `Det_y`: netspec has no op that does this",
        "`Round` at `Round_c`: netspec has no op that does this",
    ]


def test_nodes_that_no_output_needs_are_no_obstacle(tmp_path: Path) -> None:
    assert ops(put(tmp_path, model(node("Det", ["x"], ["a"]), node("Relu", ["x"])))) == ["relu"]


def test_free_sizes_keep_their_letters_and_skips_find_their_size(tmp_path: Path) -> None:
    nodes = (
        node("MaxPool", ["x"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Shape", ["x"], ["all"]),
        node("Slice", ["all", "two_", "four"], ["hw"]),
        node("Shape", ["p"], ["own"]),
        node("Slice", ["own", "nought", "two_"], ["nc"]),
        node("Concat", ["nc", "hw"], ["wanted"], axis=0),
        node("Resize", ["p", "", "", "wanted"], ["up"], mode="linear"),
        node("Concat", ["x", "up"], axis=1),
    )
    tensors = {"nought": ints(0), "two_": ints(2), "four": ints(4)}
    result = recovered(put(tmp_path, model(*nodes, shape=("N", 4, "H", "W"), tensors=tensors)))
    assert [one.op.name for one in result.spec.spec.graph.nodes] == ["max_pool", "resize_like", "concat"]
    assert "x: [4, H, W]" in result.spec.text


def test_a_file_for_one_size_of_the_batch_gives_a_spec_for_all(tmp_path: Path) -> None:
    nodes = (node("Conv", ["x", "w1"], ["c"]), node("Reshape", ["c", "s"]))
    path = put(tmp_path, model(*nodes, shape=(1, 4, 8, 8), tensors={"w1": W1, "s": ints(1, 384)}))
    assert ops(path) == ["conv", "flatten"]


def test_weights_that_two_layers_use_are_used_again_and_equal_norms_are_not(tmp_path: Path) -> None:
    square = noise(4, 4, 3, 3)
    nodes = (
        node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", "w"], pads=[1, 1, 1, 1]),
    )
    result = recovered(put(tmp_path, model(*nodes, tensors={"w": square})))
    assert "reuse" in result.spec.text
    assert result.parameters == square.size


def test_an_input_without_a_shape_takes_one_from_the_command_line(tmp_path: Path) -> None:
    path = put(tmp_path, model(node("Conv", ["x", "w1"]), shape=None, tensors={"w1": W1}))
    with pytest.raises(SpecError, match="how many axes"):
        recovered(path)
    assert "x: [4, H, 8]" in recovered(path, [(4, "H", 8)]).spec.text


def test_as_many_shapes_are_wanted_as_there_are_inputs(tmp_path: Path) -> None:
    path = put(tmp_path, model(node("Relu", ["x"])))
    with pytest.raises(SpecError, match="2 shapes are given"):
        recovered(path, [(4, 8, 8), (4, 8, 8)])


def test_several_inputs_and_outputs_keep_their_names(tmp_path: Path) -> None:
    nodes = (node("Add", ["Left", "right.0"], ["total"]), node("Relu", ["total"], ["Positive"]))
    inputs = {"Left": ("N", 4), "right.0": ("N", 4)}
    result = recovered(put(tmp_path, model(*nodes, inputs=inputs, outputs=("total", "Positive"))))
    assert list(result.spec.spec.graph.inputs) == ["left", "right_0"]
    assert list(result.spec.spec.graph.entry("predict")) == ["total", "positive"]


def test_channels_that_come_last_are_called_so(tmp_path: Path) -> None:
    nodes = (node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]), node("Conv", ["t", "w1"]))
    result = recovered(put(tmp_path, model(*nodes, shape=("N", 8, 8, 4), tensors={"w1": W1})))
    assert "{height: 8, width: 8, channel: 4}" in result.spec.text


def test_a_difference_in_one_number_is_found_at_its_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netspec_onnx import norm

    said = norm.TABLE["BatchNormalization"]
    tensors = {"s": noise(4) + 1, "t": noise(4), "m": noise(4), "v": np.abs(noise(4)) + 0.5}
    nodes = (
        node("BatchNormalization", ["x", "s", "t", "m", "v"], ["n"], epsilon=1e-3),
        node("Relu", ["n"]),
    )
    path = put(tmp_path, model(*nodes, tensors=tensors))

    def other(r: Any, one: Any) -> Any:
        return said(
            r, type(one)(one.op, one.name, one.inputs, one.outputs, {**one.attributes, "epsilon": 1e-5})
        )

    from netspec_onnx import recover

    monkeypatch.setattr(recover, "RULES", {**recover.RULES, "BatchNormalization": other})
    with pytest.raises(SpecError) as caught:
        recovered(path)
    (told,) = caught.value.diagnostics
    assert told.code == "NS775"
    assert "it begins at the layer `batch_norm1`" in told.help
