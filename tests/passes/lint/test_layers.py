"""Rules about layers: what else they tell, and above all what they leave in peace."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netspec.ir.dim import Dim
from netspec.passes.lint.blind_weights import seeing
from netspec.passes.lint.skipped_pixels import skipped
from netspec.passes.windows import Window
from tests.passes.lint.near import IMAGE, TARGET, codes, layers, told

CONV = "conv: {out_channels: 8, kernel_size: 3, padding: 1}"
BARE = "conv: {out_channels: 8, kernel_size: 3, padding: 1, bias: false}"


def named(name: str, wires: str = "") -> str:
    return f"{{{CONV}, name: {name}{wires}}}"


HEAD = ("global_avg_pool", "linear: 10")


@pytest.mark.parametrize(
    "written",
    [
        (CONV, "relu", "batch_norm"),  # relu lies between them: the bias decides what is cut off
        (BARE, "batch_norm"),
        ("batch_norm", "relu", CONV),  # DenseNet's order
        (named("a"), "batch_norm", "{add, from: [a, _]}"),  # somebody else reads it
        (f"{CONV}\n    freeze: bias", "batch_norm"),  # as it was trained elsewhere
        (CONV, "batch_norm\n    freeze: statistics".replace("norm\n", "norm:\n")),  # fixed numbers take nothing away
        ("global_avg_pool", "linear: 10", "relu", "batch_norm"),
        (CONV, "layer_norm: channel"),  # biases of channels differ, and one mean of all is taken away
        (CONV, "layer_norm: [channel, height, width]"),
        (CONV, "layer_norm: [channel, width]"),
        (CONV, "group_norm: 4"),
        (CONV, "group_norm: 1"),
        (CONV, "rms_norm: [height, width]"),  # which subtracts nothing
        (CONV, "local_response_norm: 5"),
        (CONV, "instance_norm: {track_running_stats: true}\n    freeze: statistics"),
        ("flatten", "linear: 16", "layer_norm", "relu", "linear: 10"),
        ("flatten", "linear: 16", "group_norm: 4", "relu", "linear: 10"),
    ],
)  # fmt: skip
def test_a_bias_that_counts_is_no_doubt(written: tuple[str, ...]) -> None:
    assert layers(*written) == []


@pytest.mark.parametrize(
    "written",
    [
        (CONV, "batch_norm: {affine: false}"),
        (f"{CONV}\n    init: {{bias: zeros}}", "batch_norm"),
        ("conv: {out_channels: 8, kernel_size: 3, padding: 1, bias: true}", "batch_norm"),
        ("depthwise_conv: {kernel_size: 3, padding: 1}", "batch_norm"),
        ("separable_conv: {out_channels: 8, kernel_size: 3, padding: 1}", "batch_norm"),
        ("flatten", "linear: 16", "batch_norm", "relu", "linear: 10"),
        (CONV, "instance_norm"),
        (CONV, "instance_norm: {affine: true, track_running_stats: true}"),
        (CONV, "group_norm: 8"),  # eight channels, each by itself
        (CONV, "layer_norm: [height, width]"),
        (CONV, "layer_norm: width"),
        (named("a"), "{batch_norm, name: b}", "{batch_norm, from: a}", "{add, from: [b, _]}"),
    ],
)  # fmt: skip
def test_a_bias_that_only_norms_read_is_told(written: tuple[str, ...]) -> None:
    assert layers(*written) == ["NS403"]


@pytest.mark.parametrize("op", ["depthwise_conv: {", "separable_conv: {out_channels: 8, ", "lp_pool: {"])
def test_every_window_that_steps_over_pixels_is_told(op: str) -> None:
    assert layers(f"{op}kernel_size: 2, stride: 3}}", "relu", inputs=image(29)) == ["NS408"]


def test_the_bias_of_local_connections_is_not_that_of_a_channel() -> None:
    assert layers("locally_connected: {out_channels: 8, kernel_size: 3}", "batch_norm", inputs=image(9)) == []


def test_the_bias_of_a_layer_that_is_an_output_is_seen() -> None:
    body = (named("raw"), "{batch_norm, name: normed}")  # fmt: skip
    assert layers(*body, rest="outputs: [raw, normed]\n") == []


def test_linear_along_an_axis_that_the_norm_does_not_keep_apart_is_no_doubt() -> None:
    inputs = "inputs: {x: {shape: {channel: 4, time: 6}}}\n"
    assert layers("linear: 8", "batch_norm", inputs=inputs) == []


@pytest.mark.parametrize(
    "written",
    [
        (
            CONV,
            "relu",
            *HEAD[:1],
            "dropout: 0.5",
            "linear: 10",
        ),  # VGG, MobileNet, EfficientNet: behind the last norm
        (CONV, "dropout: 0", "batch_norm", "relu"),
        (BARE, "batch_norm", "relu", "dropout: 0.5", *HEAD),
        (CONV, "relu", "dropout: 0.5", CONV, "relu", CONV, "relu", BARE, "batch_norm"),  # three layers apart
        ("dropout: 0.5", CONV, "relu", "batch_norm:\n    freeze: statistics"),
        ("dropout: 0.5", BARE, "batch_norm: {track_running_stats: false}"),  # evaluation measures what it has
        ("dropout: 0.5", BARE, "layer_norm: channel"),
        ("dropout: 0.5", BARE, "layer_norm: channel", BARE, "batch_norm"),
        ("dropout: 0.5", BARE, "group_norm: 4"),
        ("dropout: 0.5", BARE, "instance_norm"),
        ("alpha_dropout: 0.1", BARE, "batch_norm"),  # which keeps the variance
    ],
)
def test_dropout_that_no_norm_measures_is_no_doubt(written: tuple[str, ...]) -> None:
    assert layers(*written) == []


@pytest.mark.parametrize(
    "written",
    [
        (CONV, "relu", "dropout: 0.1", "batch_norm"),
        (CONV, "dropout: 0.1", "relu", "max_pool: 2", "batch_norm"),
        (BARE, "dropout: 0.1", "local_response_norm: 5", "batch_norm"),
        (BARE, "dropout: 0.1", "instance_norm: {track_running_stats: true}"),
        ("batch_norm", "relu", CONV, "dropout: 0.3", "relu", BARE, "batch_norm", "relu", "dropout: 0.5"),
    ],
)
def test_dropout_near_a_norm_is_told(written: tuple[str, ...]) -> None:
    assert layers(*written) == ["NS404"]


def test_one_dead_stretch_is_one_doubt_at_its_end() -> None:
    found = told(
        f"netspec: 1\n{IMAGE}layers:\n  - {{relu, name: a}}\n  - {CONV}\n  - relu\n  - {CONV}\n  - {{tanh, from: a}}\n"
    )
    assert [one.code for one in found] == ["NS405"]
    assert found[0].span is not None
    assert (found[0].span.line, found[0].notes) == (7, ("2 layers before it are there for it alone",))


@pytest.mark.parametrize(
    "rest",
    [
        "loss: mean(spare)\noutputs: [y]\n",
        "outputs: [y, spare]\n",
        "outputs: [y]\nloss: mean(y)\nmetrics: {spare_mean: mean(spare)}\n",
    ],
)
def test_what_only_the_loss_a_metric_or_the_outputs_read_is_not_dead(rest: str) -> None:
    found = layers(named("y"), named("spare"), rest=rest)  # fmt: skip
    assert "NS405" not in found


def test_one_of_several_results_keeps_a_layer_alive() -> None:
    assert layers("global_avg_pool", "linear: 2", "{unbind: channel, name: [a, b]}", "{tanh, from: a}") == []


@pytest.mark.parametrize(
    "constants, written",
    [
        ("{width: 8}", "conv: {out_channels: $width, kernel_size: 1}"),
        ("{width: 8, twice: $2 * width}", "conv: {out_channels: $twice, kernel_size: 1}"),
        ("{deep: false, width: 8}", "{conv: {out_channels: $width, kernel_size: 1}, when: deep}"),
        ("{scale: 2.0}", "formula: scale * _"),
    ],
)
def test_a_constant_that_some_expression_reads_is_used(constants: str, written: str) -> None:
    assert layers(written, "relu", inputs=f"define: {constants}\n{IMAGE}") == []


@pytest.mark.parametrize(
    "inputs, rest, words",
    [
        (f"define: {{widht: 8}}\n{IMAGE}", "", "widht"),
        (f"doc: the width\nname: width\ndefine: {{width: 8}}\n{IMAGE}", "", "width"),
        (
            "inputs: {image: {shape: [3, 64, 64], range: [0, 1]}, age: {shape: [1], unit: year}}\n",
            "",
            "age",
        ),
        (IMAGE, "init: {linear: {weight: zeros}}\n", "linear"),
    ],
)
def test_what_nothing_uses_is_told_at_its_name(inputs: str, rest: str, words: str) -> None:
    found = told(f"netspec: 1\n{inputs}layers:\n  - {{{CONV}, from: image}}\n  - relu\n{rest}")
    assert [one.code for one in found] == ["NS406"]
    assert found[0].span is not None
    assert found[0].span.text == words


def test_a_target_that_no_loss_reads_is_told_once_there_is_a_loss() -> None:
    text = f"netspec: 1\n{IMAGE}{TARGET}layers:\n  - {CONV}\n  - {{relu, name: y}}\n"
    assert codes(text) == []
    assert codes(f"{text}loss: mean(y)\n") == ["NS406"]


def test_an_input_that_only_a_size_or_a_formula_reads_is_used() -> None:
    inputs = "inputs: {image: {shape: [3, 64, 64], range: [0, 1]}, like: {shape: [5, 2, 2]}}\n"
    sized = "{conv: {out_channels: $like.channel, kernel_size: 1}, from: image}"
    assert layers(sized, "relu", inputs=inputs) == []


def test_layers_that_the_loss_reaches_or_that_are_frozen_are_trained() -> None:
    two = f"  - {named('a')}\n  - {named('b', '%s')}\n"
    text = f"netspec: 1\n{IMAGE}layers:\n{two}outputs: [a, b]\nloss: %s\n"
    assert codes(text % ("", "mean(b)")) == []
    assert codes(text % ("", "mean(a)")) == ["NS422"]
    assert codes(text % (", freeze: true", "mean(a)")) == []
    again = text.replace(named("b", "%s"), "{reuse: a, from: image, name: b}")
    assert codes(again % "mean(a)") == []  # the weights move with those of the first use


@pytest.mark.parametrize(
    "written",
    [
        "conv: {out_channels: 8, kernel_size: 5, padding: same}",
        "conv: {out_channels: 8, kernel_size: 4, padding: 2}",  # the size changes, and says so
        "conv: {out_channels: 8, kernel_size: 2, padding: valid}",
        "conv: {out_channels: 8, kernel_size: 4, dilation: 2, padding: same}",  # three zeros on either side
        "conv: {out_channels: 8, kernel_size: 1, stride: 2}",  # ResNet's shortcut
        "max_pool: {kernel_size: 1, stride: 2}",  # the last level of a feature pyramid
        "max_pool: {kernel_size: 3, stride: 2, padding: 1}",
        "conv: {out_channels: 8, kernel_size: 4, stride: 4}",  # a vision transformer's patches
        "conv: {out_channels: 8, kernel_size: 64, stride: 64}",
        "conv: {out_channels: 8, kernel_size: 2, stride: 63}",  # a single place skips nothing between two
        "conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1, dilation: 3}",
    ],
)
def test_windows_that_see_everything_are_no_doubt(written: str) -> None:
    assert set(layers(written, "relu")) <= ({"NS409"} if "stride: 63" in written else set())


@pytest.mark.parametrize(
    "written, code, words",
    [
        ("conv: {out_channels: 8, kernel_size: [3, 4], padding: same}", "NS407", "along `width` everything"),
        ("max_pool: {kernel_size: 2, stride: 3}", "NS408", "1 of every 3 pixels along `height` and `width`"),
        ("conv: {out_channels: 8, kernel_size: 3, stride: [1, 5]}", "NS408", "2 of every 5 pixels along `width`"),
        ("conv: {out_channels: 8, kernel_size: 3, stride: 2, dilation: 2}", "NS408", "a dilation of 2"),
    ],
)  # fmt: skip
def test_windows_that_skip_or_shift_are_told_with_the_axes(written: str, code: str, words: str) -> None:
    found = told(f"netspec: 1\n{IMAGE}layers:\n  - {written}\n  - relu\n")
    assert [one.code for one in found] == [code]
    assert words in found[0].message


def image(size: int) -> str:
    return f"inputs: {{image: {{shape: [3, {size}, {size}], range: [0, 1]}}}}\n"


@pytest.mark.parametrize(
    "size, written",
    [
        (
            224,
            "conv: {out_channels: 8, kernel_size: 7, stride: 2, padding: 3}",
        ),  # ResNet: a zero is left, no pixel
        (112, "max_pool: {kernel_size: 3, stride: 2, padding: 1}"),
        (56, "conv: {out_channels: 8, kernel_size: 1, stride: 2}"),
        (224, "conv: {out_channels: 8, kernel_size: 11, stride: 4, padding: 2}"),  # AlexNet
        (224, "conv: {out_channels: 8, kernel_size: 3, stride: 2}"),  # SqueezeNet 1.1 leaves 1 of 224
        (11, "max_pool: 2"),  # the first networks of most tutorials
        (13, "max_pool: 2"),
        (75, "max_pool: 2"),
    ],
)
def test_borders_of_published_networks_are_no_doubt(size: int, written: str) -> None:
    assert layers(written, "relu", inputs=image(size)) == []


@pytest.mark.parametrize("size, written, lost", [(7, "max_pool: 2", "1 of 7"), (9, "avg_pool: 5", "4 of 9")])
def test_a_border_that_is_a_good_part_of_the_image_is_told(size: int, written: str, lost: str) -> None:
    found = told(f"netspec: 1\n{image(size)}layers:\n  - {written}\n  - relu\n")
    assert [one.code for one in found] == ["NS409"]
    assert f"{lost} along `height`, {lost} along `width`" in found[0].message


@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1])
def test_the_sizes_that_the_border_rule_offers_are_read_whole(kernel: int, stride: int, padding: int) -> None:
    if 2 * padding > kernel:
        return
    pool = f"max_pool: {{kernel_size: {kernel}, stride: {stride}, padding: {padding}}}"
    rules = "lint: {rules: {dropped_border: {share: 0}}}\n"
    for size in range(kernel, 12):
        text = f"netspec: 1\n{{}}layers:\n  - {pool}\n  - relu\n{rules}"
        for one in told(text.replace("{}", image(size))):
            if one.code == "NS408":
                continue
            assert one.code == "NS409"
            offered = one.help.removeprefix("make the sizes before it ").partition(",")[0].split(" or ")
            for good in offered:
                assert int(good) != size
                assert "NS409" not in codes(text.replace("{}", image(int(good))))


def test_free_sizes_have_no_border() -> None:
    assert layers("max_pool: 2", "relu", inputs="inputs: {image: {shape: [1, H, W], range: [0, 1]}}\n") == []


def test_vgg_and_a_model_of_one_layer_are_not_heavy() -> None:
    half = ("conv: {out_channels: 64, kernel_size: 3, padding: 1}", "max_pool: 2", "flatten", "linear: 100")
    assert layers(*half, "relu", "linear: 20000") == []  # the two share the weight
    assert layers("flatten", "linear: 200") == []  # logistic regression


@pytest.mark.parametrize(
    "declared, written",
    [
        ("range: [0, 255]", ("rescale: {mean: 128, std: 128}", CONV)),
        ("range: [0, 255]", ("batch_norm", CONV)),
        ("range: [0, 255]", ("sigmoid", CONV)),
        ("range: [0, 255]", (f"{CONV}\n    freeze: true", "relu")),  # fixed filters know what they are given
        ("range: [-3, 4]", (CONV,)),
        ("range: [0, 16]", (CONV,)),
        ("kind: image", (CONV,)),
        ("range: [0, 255]", ("relu", "max_pool: 2")),
        ("range: [0, 0.02]", ("rescale: {to: [0, 1]}", CONV)),
    ],
)
def test_a_picture_near_unit_scale_or_of_unknown_range_is_no_doubt(
    declared: str, written: tuple[str, ...]
) -> None:
    inputs = f"inputs: {{image: {{shape: [3, 64, 64], {declared}}}}}\n"
    assert layers(*written, "relu", inputs=inputs) == []


@pytest.mark.parametrize(
    "declared, written, span",
    [
        ("range: [0, 255]", (CONV, "batch_norm", "relu"), "[0, 255]"),
        ("range: [-1024, 3071]", ("max_pool: 2", CONV, "relu"), "[-1024, 3071]"),
        ("range: [0, 0.003]", ("flatten", "linear: 3"), "[0, 0.003]"),
        ("range: [0, 255]", ("frame_difference", CONV, "relu"), "[-255, 255]"),
    ],
)
def test_a_raw_picture_in_a_layer_that_learns_is_told(
    declared: str, written: tuple[str, ...], span: str
) -> None:
    inputs = f"inputs: {{image: {{shape: [3, 64, 64], {declared}}}}}\n"
    body = "".join(f"  - {one}\n" for one in written)
    found = [
        one for one in told(f"netspec: 1\n{inputs}layers:\n{body}") if one.code not in ("NS403", "NS406")
    ]
    assert [one.code for one in found] == ["NS412"]
    assert span in found[0].message


@pytest.mark.parametrize(
    "norm", ["instance_norm", "layer_norm: [height, width]", "rms_norm: channel", "group_norm: 1"]
)
@pytest.mark.parametrize("affine", [True, False])
def test_a_raw_picture_behind_a_norm_is_no_doubt(norm: str, affine: bool) -> None:
    inputs = "inputs: {image: {shape: [3, 64, 64], range: [0, 255]}}\n"
    word = "affine" if norm[0] in "ig" else "elementwise_affine"
    main = {"i": "", "g": "num_groups: 1, "}.get(norm[0], f"axis{norm[norm.find(':') :]}, ")
    written = f"{norm.partition(':')[0]}: {{{main}{word}: {str(affine).lower()}}}"
    assert layers(written, BARE, inputs=inputs) == []


def test_factors_of_channels_and_norms_of_several_axes_weigh_nothing() -> None:
    """Their weights have several axes, and yet they sum nothing: dropout is as near to the norm as without them."""
    between = ("layer_scale", "layer_scale", "relu")
    assert layers(BARE, "dropout: 0.1", *between, "batch_norm") == ["NS404"]


def test_two_branches_of_one_raw_picture_are_one_doubt() -> None:
    inputs = "inputs: {image: {shape: [3, 64, 64], range: [0, 255]}}\n"
    body = (named("a"), named("b", ", from: image"), "{add, from: [a, b]}")  # fmt: skip
    assert layers(*body, inputs=inputs) == ["NS412"]


@pytest.mark.parametrize(
    "size, written",
    [
        (7, "conv: {out_channels: 4, kernel_size: 3, padding: 1}"),
        (7, "conv: {out_channels: 4, kernel_size: 5, padding: 2}"),
        (14, "conv: {out_channels: 4, kernel_size: 5, stride: 2, padding: 2}"),
        (2, "conv: {out_channels: 4, kernel_size: 3, padding: 1}"),
        (
            33,
            "conv: {out_channels: 4, kernel_size: 3, padding: 18, dilation: 18}",
        ),  # DeepLab v3 at 513 pixels
        (7, "max_pool: {kernel_size: 3, stride: 2, padding: 1}"),
        (1, "conv: {out_channels: 4, kernel_size: 3, padding: 1, padding_mode: replicate}"),
        (1, "max_pool: {kernel_size: 3, stride: 1, padding: 1}"),  # a pool has no weights
    ],
)
def test_windows_whose_every_weight_sees_a_pixel_are_no_doubt(size: int, written: str) -> None:
    assert layers(written, "relu", inputs=image(size)) == []


@pytest.mark.parametrize(
    "size, written, words",
    [
        (1, "conv: {out_channels: 4, kernel_size: 3, padding: 1}", "8 of 9"),
        (2, "conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}", "5 of 9"),
        (28, "conv: {out_channels: 4, kernel_size: 3, padding: 36, dilation: 36}", "8 of 9"),
        (8, "conv: {out_channels: 4, kernel_size: [1, 19], padding: [0, 9]}", "4 of 19"),
    ],
)
def test_weights_that_see_padding_alone_are_counted(size: int, written: str, words: str) -> None:
    found = told(f"netspec: 1\n{image(size)}layers:\n  - {written}\n  - relu\n")
    assert [one.code for one in found] == ["NS423"]
    assert f"{words} weights" in found[0].message


@settings(max_examples=200)
@given(
    size=st.integers(1, 9),
    kernel=st.integers(1, 6),
    stride=st.integers(1, 4),
    padding=st.integers(0, 6),
    dilation=st.integers(1, 4),
)
def test_seeing_is_what_sliding_the_window_shows(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    places = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    assume(places >= 1)
    one = Window("width", Dim.of(size), Dim.of(places), kernel, stride, dilation, padding, padding)
    inside = [
        {i for i in range(size) if i == stride * p - padding + dilation * k}
        for k in range(kernel)
        for p in range(places)
    ]
    by_tap = [inside[k * places : (k + 1) * places] for k in range(kernel)]
    assert seeing(one) == sum(any(hit) for hit in by_tap)
    last = max((stride * (places - 1) + dilation * (kernel - 1) - padding), -1)
    assert one.unread == max(0, size - 1 - last)


@given(kernel=st.integers(2, 6), stride=st.integers(1, 7), dilation=st.integers(1, 5))
def test_skipped_is_what_no_window_of_a_long_row_sees(kernel: int, stride: int, dilation: int) -> None:
    one = Window("width", Dim.of(400), Dim.of(50), kernel, stride, dilation, 0, 0)
    seen = {stride * p + dilation * k for p in range(50) for k in range(kernel)}
    middle = range(20 * stride, 21 * stride)
    if 20 * stride >= dilation * (kernel - 1):
        assert skipped(one) == sum(i not in seen for i in middle)


SEES = "lint: {rules: {receptive_field: {object: %s}}}\n"
DOWN = ("conv: {out_channels: 4, kernel_size: 3, padding: 1}", "relu", "max_pool: 2")


@pytest.mark.parametrize(
    "written, field",
    [
        ((*DOWN, *DOWN, "global_avg_pool", "linear: 2"), 10),
        ((*DOWN, *DOWN), 10),
        ((DOWN[0],), 3),
    ],
)
def test_a_field_is_doubted_where_an_object_is_larger(written: tuple[str, ...], field: int) -> None:
    assert layers(*written) == []
    assert layers(*written, rest=SEES % field) == []
    assert layers(*written, rest=SEES % (field + 1)) == ["NS410"]


def test_what_weighs_every_place_sees_every_object() -> None:
    assert layers(DOWN[0], "relu", "flatten", "linear: 2", rest=SEES % 60) == []
