"""The difference of two specs: nothing where they mean the same, and every change where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from netspec.front import check, check_source
from netspec.passes.diff import Change, Difference, diff
from netspec.recipe.spec import Spec
from netspec.text import Source
from netspec.text.render import render_all
from tests.conformance.test_whole_specs import drafts
from tests.lang.test_printer import plain

SPECS = Path(__file__).parents[2] / "specs"
DIGITS = (SPECS / "digits.yaml").read_text("utf-8")
HEART = (SPECS / "heart-volume.yaml").read_text("utf-8")
STACKS = (SPECS / "zoo" / "heart_patient.yaml").read_text("utf-8")
TUTORIAL = (SPECS / "heart-tutorial-2015.yaml").read_text("utf-8")


def read(text: str) -> Spec:
    spec, found = check_source(Source("spec.yaml", text), SPECS)
    assert spec is not None, render_all(found, color=False)
    return spec


def edited(text: str, *edits: tuple[str, str]) -> Difference:
    """What changes if pieces of a text are replaced; each piece must be there."""
    changed = text
    for old, new in edits:
        assert old in changed
        changed = changed.replace(old, new)
    return diff(read(text), read(changed))


def told(found: Difference) -> set[tuple[str, ...]]:
    """The changes that do not follow from others, but for cost and types."""
    return {
        (one.group, one.subject, one.how, one.old, one.new)
        for one in found.changes
        if not one.moved and one.group != "cost"
    }


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.yaml")), ids=lambda path: path.name)
def test_a_spec_and_itself_do_not_differ(path: Path) -> None:
    spec, _ = check(path)
    if spec is None:
        pytest.skip("a part, which is no network of its own")
    again, _ = check(path)
    assert again is not None
    assert diff(spec, again) == Difference()


@given(drafts())
def test_a_random_spec_and_itself_do_not_differ(text: str) -> None:
    spec, _ = check_source(Source("random.yaml", text), Path())
    if spec is not None:
        assert diff(spec, spec) == Difference()


@given(drafts(), drafts())
def test_no_difference_means_the_same_graph(one: str, other: str) -> None:
    old, new = (check_source(Source("random.yaml", text), Path())[0] for text in (one, other))
    if old is not None and new is not None and not diff(old, new):
        assert plain(old.graph, {}) == plain(new.graph, {})


def test_comments_format_and_the_order_of_keys_are_no_change() -> None:
    layer = "  - conv: {out_channels: 16, kernel_size: 3, padding: 1, bias: false}\n"
    block = (
        "  # the first one\n  - conv:\n      padding: 1   # keeps the size\n      kernel_size: 3\n"
        "      bias: false\n      out_channels: 16\n"
    )
    head = ("netspec: 1\nname: digits\n", "name: digits\nnetspec: 1\ndoc: Another sentence about it.\n")
    assert edited(DIGITS, (layer, block), head) == Difference()


def test_a_default_that_is_written_out_is_no_change() -> None:
    assert (
        edited(DIGITS, ("kernel_size: 3, padding: 1", "kernel_size: 3, stride: 1, padding: 1"))
        == Difference()
    )


def test_a_layer_that_came_is_told_alone_and_what_stands_behind_it_is_not() -> None:
    found = edited(DIGITS, ("  - flatten\n", "  - dropout: 0.2\n  - flatten\n"))
    assert told(found) == {("graph", "dropout1", "added", "", "dropout: {p: 0.2}")}
    assert found.of("graph")[0].note == "after relu2"


def test_a_layer_that_came_first_moves_counted_names_and_no_others() -> None:
    first = "conv: {out_channels: 5, kernel_size: 1}"
    found = edited(DIGITS, ("  - conv: {out_channels: 16", f"  - {first}\n  - conv: {{out_channels: 16"))
    assert told(found) == {("graph", "conv1", "added", "", first)}
    moved = [(one.old, one.new) for one in found.changes if one.moved and one.how == "renamed"]
    assert moved == [("conv1", "conv2"), ("conv2", "conv3")]


def test_a_layer_that_went_is_told_alone() -> None:
    found = edited(DIGITS, ("  - batch_norm\n  - relu\n  - flatten", "  - relu\n  - flatten"))
    assert told(found) == {("graph", "batch_norm2", "removed", "batch_norm", "")}


def test_a_width_changes_one_argument_and_all_types_behind_it() -> None:
    found = edited(DIGITS, ("out_channels: 16", "out_channels: 24"))
    assert told(found) == {("graph", "conv1.out_channels", "changed", "16", "24")}
    assert Change("types", "conv1", "changed", "[N, 16, 8, 8]", "[N, 24, 8, 8]", moved=True) in found.changes
    assert {one.subject for one in found.of("cost")} == {"trainable parameters", "MACs of a sample"}


def test_widths_of_all_layers_are_told_layer_by_layer_and_not_as_other_layers() -> None:
    found = edited(DIGITS, ("out_channels: 32", "out_channels: 64"), ("out_channels: 16", "out_channels: 32"))
    assert told(found) == {
        ("graph", "conv1.out_channels", "changed", "16", "32"),
        ("graph", "conv2.out_channels", "changed", "32", "64"),
    }


def test_a_layer_of_another_name_is_renamed_and_formulas_stay() -> None:
    assert told(edited(DIGITS, ("logits", "scores"))) == {("graph", "logits", "renamed", "logits", "scores")}


def test_names_of_several_results_are_renamed() -> None:
    found = edited(HEART, ("systole_centre", "centre"))
    assert told(found) == {
        ("graph", "unbind1", "renamed", "systole_centre, systole_width", "centre, systole_width")
    }


def test_another_op_in_the_place_of_one_is_told_as_going_and_coming() -> None:
    found = edited(TUTORIAL, ("  - {sigmoid, name: cdf}", "  - softmax\n  - {cumsum, name: cdf}"))
    assert ("graph", "cdf", "removed", "sigmoid", "") in told(found)
    assert ("graph", "cdf", "added", "", "cumsum") in told(found)
    assert ("graph", "softmax1", "added", "", "softmax") in told(found)


def test_another_input_is_told_and_one_behind_a_new_layer_is_not() -> None:
    text = (
        "netspec: 1\ninputs: {x: [4]}\nlayers:\n"
        "  - {relu, name: a}\n  - {tanh, from: x, name: b}\n  - {add, from: [a, b]}\n"
    )
    found = edited(text, ("from: [a, b]", "from: [a, a]"))
    assert told(found) == {("graph", "add1.from", "changed", "a, b", "a, a")}


def test_a_formula_is_one_layer_and_told_as_it_says() -> None:
    found = edited(HEART, ("70 + 40 * systole_centre", "70 + 50 * systole_centre"))
    assert told(found) == {
        (
            "graph",
            "systole_mean",
            "changed",
            "formula: 70 + 40 * systole_centre",
            "formula: 70 + 50 * systole_centre",
        )
    }


@pytest.mark.parametrize(
    "text, edit, change",
    [
        (DIGITS, ("range: [0, 16]}\ntargets", "range: [0, 17]}\ntargets"),
         ("types", "input image", "changed", "[N, 8, 8], in [0, 16]", "[N, 8, 8], in [0, 17]")),
        (TUTORIAL, ("filters: 40,", "filters: 48,"), ("constants", "filters", "changed", "40", "48")),
        (TUTORIAL, ("conv: {weight: {uniform: [-0.01, 0.01]}", "conv: {weight: {uniform: [-0.02, 0.02]}"),
         ("parameters", "stage1.conv1.weight.init", "changed", "{uniform: [-0.01, 0.01]}", "{uniform: [-0.02, 0.02]}")),
        (TUTORIAL, ("freeze: weight  ", "freeze: statistics  "),
         ("parameters", "stage1.norm.weight", "changed", "frozen", "learns")),
        (TUTORIAL, ("freeze: weight  ", "freeze: statistics  "),
         ("parameters", "stage1.norm.statistics", "changed", "kept", "frozen")),
        (DIGITS, ("loss: cross_entropy(logits, label)", "loss: cross_entropy(logits, label) * 2"),
         ("loss", "loss", "changed", "cross_entropy(logits, label)",
          "cross_entropy(logits, label) * 2")),
        (DIGITS, ("metrics:\n", "metrics:\n  top: accuracy(logits, label, k=2)\n"),
         ("metrics", "top", "added", "", "accuracy(logits, label, k=2)")),
        (HEART, ("cummax(mean(systole_cdf, axis=sample))", "mean(systole_cdf, axis=sample)"),
         ("aggregate", "systole_patient", "changed", "cummax(mean(systole_cdf, axis=sample))",
          "mean(systole_cdf, axis=sample)")),
        (HEART, ("    - frames: 30\n", "    - frames: 30\n    - square\n"),
         ("data", "transforms", "added", "", "square")),
        (HEART, ("spacing: 2 mm", "spacing: 1.5 mm"),
         ("data", "transforms.resample.spacing", "changed", "2 mm", "1.5 mm")),
        (HEART, ("systole: Systole, ", "systole: Diastole, "),
         ("data", "fields.systole", "changed", "Systole", "Diastole")),
        (DIGITS, ("train: 0.8, validation: 0.2", "train: 0.7, validation: 0.2"),
         ("data", "split.train", "changed", "0.8", "0.7")),
        (DIGITS, ("schedule: [cosine]", "schedule: [step: {step_size: 3 epochs}]"),
         ("training", "schedule", "removed", "cosine", "")),
        (DIGITS, ("  checkpoint: {maximize: accuracy}\n", ""),
         ("training", "checkpoint", "removed", "{maximize: accuracy}", "")),
        (DIGITS, ("name: digits", "name: ciphers"), ("spec", "name", "changed", "digits", "ciphers")),
    ],
)  # fmt: skip
def test_every_part_of_a_spec_is_compared(text: str, edit: tuple[str, str], change: tuple[str, ...]) -> None:
    edit = (edit[0] if edit[0] in text else edit[0].rstrip(), edit[1])
    assert change in told(edited(text, edit))


def test_sections_that_one_spec_alone_has_are_told_once() -> None:
    bare = DIGITS[: DIGITS.index("data:")]
    assert told(diff(read(bare), read(DIGITS))) == {
        ("data", "source", "added", "", "digits"),
        ("training", "optimizer", "added", "", "{sgd: {lr: 0.1, weight_decay: 0.0001, momentum: 0.9}}"),
    }
    assert {one.how for one in diff(read(DIGITS), read(bare)).changes} == {"removed"}


def test_the_mask_of_a_padded_axis_is_compared() -> None:
    other = STACKS.replace("present", "there")
    assert ("data", "pad.slice", "changed", "present", "there") in told(diff(read(STACKS), read(other)))


def test_weights_that_are_used_again_are_told() -> None:
    text = (
        "netspec: 1\ninputs: {x: [4]}\nlayers:\n  - {linear: 4, name: a}\n  - {linear: 4, name: b}\n"
        "  - {linear: 4, name: c}\n"
    )
    found = edited(text, ("  - {linear: 4, name: c}", "  - {reuse: a, name: c}"))
    assert ("parameters", "c.weight.weights", "changed", "of c", "of a") in told(found)


def test_a_difference_is_plain_data_for_programs() -> None:
    found = edited(DIGITS, ("epochs: 10", "epochs: 12")).as_json()
    assert found == {
        "same": False,
        "changes": [{"group": "training", "subject": "epochs", "how": "changed", "old": "10", "new": "12"}],
    }
    assert Difference().as_json() == {"same": True, "changes": []}


def test_a_spec_of_thousands_of_layers_is_compared_in_seconds() -> None:
    body = "".join(f"  - {one}\n" for one in ("relu", "tanh", "abs", "neg") * 400)
    text = f"netspec: 1\ninputs: {{x: [4]}}\nlayers:\n{body}"
    found = edited(text, ("layers:\n", "layers:\n  - sigmoid\n"))
    assert told(found) == {("graph", "sigmoid1", "added", "", "sigmoid")}
