"""Which tensor is which: by name, order and structure; never two to one place, and never a silent guess."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.weights.layers import Shape
from netspec.weights.match import match
from netspec.weights.report import TAKEN, Report
from netspec.weights.slots import Slots, slots
from tests.specs.published import MODULES, RECORDS
from tests.specs.test_zoo import zoo

State = dict[str, Shape]


def conv(name: str, out: int, into: int, window: int = 3) -> State:
    return {f"{name}.weight": (out, into, window, window)}


def norm(name: str, width: int) -> State:
    own = {"weight": (width,), "bias": (width,), "running_mean": (width,), "running_var": (width,)}
    return {**{f"{name}.{one}": shape for one, shape in own.items()}, f"{name}.num_batches_tracked": ()}


def linear(name: str, out: int, into: int) -> State:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def states(*parts: State) -> State:
    return {key: shape for part in parts for key, shape in part.items()}


def status(report: Report) -> dict[str, str]:
    return {row.name: row.status for row in report.rows}


def sound(report: Report, stored: Mapping[str, Shape], wanted: Mapping[str, Shape]) -> None:
    """What holds of every report: each tensor is told once, no source goes to two places, sizes are those that fit."""
    assert [row.name for row in report.rows] == list(wanted)
    sources = list(report.sources.values())
    assert len(set(sources)) == len(sources)
    assert set(sources) | {one.name for one in report.unused} == set(stored)
    assert not set(sources) & {one.name for one in report.unused}
    for row in report.rows:
        assert row.shape == wanted[row.name]
        assert (row.status in TAKEN) == row.taken
        if row.source is not None:
            assert row.source_shape == stored[row.source]
        if row.status in {"kept", "renamed"}:
            assert row.source_shape == row.shape
        if row.status == "kept":
            assert row.source == row.name
        else:
            assert row.why
    assert all(one.why for one in report.unused)


def matched(stored: State, wanted: State, **more: Any) -> Report:
    report = match(stored, wanted, **more)
    sound(report, stored, wanted)
    assert report == match(stored, wanted, **more)
    return report


# ------------------------------------------------------------------------------------------------------ torchvision


@cache
def published(name: str) -> State:
    """The state of torchvision's module in its own order: a block's own tensors before those of what is in it."""
    told = json.loads((RECORDS / f"{name}.json").read_text(encoding="utf-8"))["state"]
    shapes = {key: tuple(int(one) for one in text.split("x") if one) for key, text in told.items()}
    late = MODULES[name].late
    if late is None:
        return shapes
    blocks = {key.rpartition(".")[0] for key in shapes if key.endswith(f".{late}")}

    def place(key: str) -> tuple[int, int]:
        block = next((one for one in blocks if key.startswith(f"{one}.")), None)
        keys = list(shapes)
        first = (
            min(i for i, one in enumerate(keys) if one.startswith(f"{block}.")) if block else keys.index(key)
        )
        return first, -1 if key == f"{block}.{late}" else keys.index(key)

    return {key: shapes[key] for key in sorted(shapes, key=place)}


@cache
def ours(name: str) -> Slots:
    return slots(zoo(name).graph)


def right(name: str, wanted: Slots) -> dict[str, str]:
    """Which tensor of torchvision's is which, by the record of both."""
    told = json.loads((RECORDS / f"{name}.json").read_text(encoding="utf-8"))["state"]
    return dict(zip(wanted.shapes, told, strict=True))


@pytest.mark.parametrize("name", MODULES)
def test_the_states_of_torchvision_fit_whole_and_each_tensor_where_it_belongs(name: str) -> None:
    wanted = ours(name)
    report = matched(published(name), dict(wanted.shapes), whole=wanted.whole)
    assert report.whole
    assert report.sources == right(name, wanted)
    assert not report.unused


@pytest.mark.parametrize("name", MODULES)
def test_a_new_head_is_told_and_all_else_is_kept(name: str) -> None:
    wanted = ours(name)
    last = list(wanted.shapes)[-1].rpartition(".")[0]
    head = {
        key: (5, *shape[1:]) if key.startswith(f"{last}.") else shape for key, shape in wanted.shapes.items()
    }
    report = matched(published(name), head)
    new = {row.name: row.why for row in report.rows if not row.taken}
    assert set(new) == {key for key in head if key.startswith(f"{last}.")}
    weight = f"{last}.weight"
    assert new[weight] == f"{list(wanted.shapes[weight])} there, {list(head[weight])} here"
    assert report.sources == {key: source for key, source in right(name, wanted).items() if key not in new}


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("prefix", ["model.", "net.backbone."])
def test_what_stands_before_all_names_does_not_matter(name: str, prefix: str) -> None:
    wanted = ours(name)
    wrapped = {f"{prefix}{key}": shape for key, shape in wanted.shapes.items()}
    report = matched({**wrapped, "metric.total": ()}, dict(wanted.shapes))
    assert report.sources == {key: f"{prefix}{key}" for key in wanted.shapes}
    report = matched(dict(wanted.shapes), wrapped)
    assert report.sources == {f"{prefix}{key}": key for key in wanted.shapes}


COUNTED = {
    "efficientnet_b0", "mobilenet_v3_large", "r2plus1d_18", "resnet18", "resnet50", "shufflenet_v2_x1_0", "vgg16_bn",
}  # fmt: skip
"""Networks of torchvision whose names count as their layers stand; of the others a sorted list is told to be open."""


@pytest.mark.parametrize("name", MODULES)
def test_a_file_that_is_sorted_by_name_is_never_taken_wrongly(name: str) -> None:
    wanted = ours(name)
    report = matched(dict(sorted(published(name).items())), dict(wanted.shapes), ordered=False)
    known = right(name, wanted)
    assert all(known[key] == source for key, source in report.sources.items())
    assert report.whole == (name in COUNTED)
    assert bool(report.notes) != (name in COUNTED)
    same = matched(dict(sorted(wanted.shapes.items())), dict(wanted.shapes), ordered=False)
    assert same.whole


@pytest.mark.parametrize("name", MODULES)
def test_the_state_of_another_network_is_not_taken_for_this_one(name: str) -> None:
    """Only what one network is of another (the backbone of a segmentation) may be taken by structure."""
    wanted = ours(name)
    for other in MODULES:
        report = matched(published(other), dict(wanted.shapes))
        if name != other and {name, other} != {"resnet50", "deeplabv3_resnet50"}:
            assert len(report.sources) <= 5, (other, report.summary)


def test_a_backbone_is_found_in_a_larger_network() -> None:
    wanted = ours("deeplabv3_resnet50")
    report = matched(published("resnet50"), dict(wanted.shapes))
    known = right("deeplabv3_resnet50", wanted)
    assert len(report.sources) >= 300
    assert all(known[key] == f"backbone.{source}" for key, source in report.sources.items())


# ------------------------------------------------------------------------------------------------- by order and names


def test_a_state_of_the_same_names_is_kept() -> None:
    net = states(conv("a", 8, 3), norm("b", 8), linear("head", 5, 8))
    report = matched(net, net)
    assert set(status(report).values()) == {"kept"}
    assert report.summary == "8 of 8 tensors from the file (8 kept)"


def test_two_layers_that_changed_places_are_told_by_their_names() -> None:
    one = states(conv("a", 8, 8), conv("b", 8, 8), linear("head", 5, 8))
    other = states(conv("b", 8, 8), conv("a", 8, 8), linear("head", 6, 8))
    report = matched(one, other)
    assert report.sources == {"b.weight": "b.weight", "a.weight": "a.weight"}


@pytest.mark.parametrize("start", ["net.part.", "net.other."])
def test_what_order_and_names_tell_differently_is_doubted_and_not_taken(start: str) -> None:
    there = states(conv("x.second", 8, 8), conv("x.first", 8, 8), conv("x.last", 9, 8), linear("y", 5, 9))
    here = states(
        conv(f"{start}first", 8, 8),
        conv(f"{start}second", 8, 8),
        conv(f"{start}last", 9, 8),
        linear("head", 5, 9),
    )
    report = matched(there, here)
    assert status(report) == {
        f"{start}first.weight": "ambiguous",
        f"{start}second.weight": "ambiguous",
        f"{start}last.weight": "renamed",
        "head.weight": "renamed",
        "head.bias": "renamed",
    }
    assert report.rows[0].why == "by its place it is `x.second`, by its name `x.first`"


def test_blocks_that_changed_places_are_doubted() -> None:
    def block(name: str) -> State:
        return states(conv(f"{name}.conv", 8, 8), norm(f"{name}.norm", 8))

    there = states(block("net.b"), block("net.a"), linear("net.fc", 5, 8))
    here = states(block("a"), block("b"), linear("head", 5, 8))
    report = matched(there, {f"deep.er.{key}": shape for key, shape in here.items()})
    found = {row.name.split(".")[2]: row.status for row in report.rows}
    assert found == {"a": "ambiguous", "b": "ambiguous", "head": "renamed"}


def test_of_equal_layers_of_which_one_is_gone_none_is_guessed() -> None:
    there = states(
        conv("f.0", 8, 3), *(conv(f"f.{i}", 8, 8) for i in (1, 2, 3)),
        conv("f.4", 4, 8), conv("f.5", 8, 4), conv("f.6", 3, 8), linear("f.9", 5, 8),
    )  # fmt: skip
    here = states(
        conv("stem", 8, 3), conv("c", 8, 8), conv("d", 8, 8),
        conv("g", 4, 8), conv("h", 8, 4), conv("k", 3, 8), linear("head", 5, 8),
    )  # fmt: skip
    report = matched(there, here)
    assert status(report) == {
        "stem.weight": "renamed",
        "c.weight": "ambiguous",
        "d.weight": "ambiguous",
        "g.weight": "renamed",
        "h.weight": "renamed",
        "k.weight": "renamed",
        "head.weight": "renamed",
        "head.bias": "renamed",
    }
    assert report.rows[1].why == "it may be `f.1` or `f.2`, if any: neither order nor names say"
    assert {one.name: one.why for one in report.unused}["f.1.weight"] == "it may be one of several here"


def test_names_decide_among_equal_layers() -> None:
    there = states(
        *(conv(f"net.body.{word}", 8, 8) for word in ("one", "two", "three")), linear("net.fc", 5, 8)
    )
    here = states(conv("first.one", 8, 8), conv("first.three", 8, 8), linear("head", 5, 8))
    report = matched(there, here)
    assert report.sources["first.one.weight"] == "net.body.one.weight"
    assert report.sources["first.three.weight"] == "net.body.three.weight"
    assert report.rows[0].why.endswith("names end alike")


def test_a_renamed_layer_is_found_between_those_that_kept_their_names() -> None:
    there = states(conv("a", 8, 8), conv("old", 8, 8), conv("b", 8, 8), linear("head", 5, 8))
    here = states(conv("a", 8, 8), conv("new", 8, 8), conv("b", 8, 8), linear("head", 5, 8))
    report = matched(there, here)
    assert report.whole
    assert report.sources["new.weight"] == "old.weight"
    assert status(report)["new.weight"] == "renamed"


def test_counted_names_that_moved_by_one_are_seen_through_where_shapes_say_so() -> None:
    rest = states(norm("norm", 16), linear("head", 10, 32), norm("last", 10))
    there = states(conv("conv1", 16, 1), conv("conv2", 32, 16), rest)
    here = states(conv("conv1", 1, 1), conv("conv2", 16, 1), conv("conv3", 32, 16), rest)
    report = matched(there, here)
    assert report.sources["conv2.weight"] == "conv1.weight"
    assert report.sources["conv3.weight"] == "conv2.weight"
    assert status(report)["conv1.weight"] == "new"


def test_a_layer_that_came_elsewhere_is_not_the_one_that_went() -> None:
    there = states(conv("a", 8, 8), conv("old", 8, 8), conv("b", 8, 8), conv("c", 8, 8), linear("head", 5, 8))
    here = states(conv("a", 8, 8), conv("b", 8, 8), conv("c", 8, 8), conv("new", 8, 8), linear("head", 5, 8))
    report = matched(there, here)
    assert status(report)["new.weight"] == "new"
    assert [one.name for one in report.unused] == ["old.weight"]


# ------------------------------------------------------------------------------------------------------- within layers


def test_a_linear_layer_and_a_window_of_one_pixel_are_the_same_numbers() -> None:
    there = states(conv("f.0", 8, 3), linear("f.3", 5, 8))
    here = states(conv("stem", 8, 3), {"head.weight": (5, 8, 1, 1), "head.bias": (5,)})
    report = matched(there, here)
    assert report.whole
    assert status(report)["head.weight"] == "reshaped"
    assert status(matched(here, there))["f.3.weight"] == "reshaped"


def test_a_flattened_weight_fits_only_where_the_graph_says_that_it_sees_the_whole_map() -> None:
    there = states(conv("f.0", 8, 3), linear("f.3", 5, 8 * 7 * 7))
    here = states(conv("stem", 8, 3), {"head.weight": (5, 8, 7, 7), "head.bias": (5,)})
    assert not matched(there, here).whole
    report = matched(there, here, whole={"head.weight": (5, 8 * 7 * 7)})
    assert report.whole
    assert status(report)["head.weight"] == "reshaped"


def test_a_window_is_never_blown_up_to_more_dimensions_in_silence() -> None:
    there = states(conv("conv1", 8, 3), conv("conv2", 8, 8))
    here: State = {"conv1.weight": (8, 3, 3, 3, 3), "conv2.weight": (8, 8, 3, 3, 3)}
    report = matched(there, here)
    assert not report.sources
    assert report.rows[0].why in {"[8, 3, 3, 3] there, [8, 3, 3, 3, 3] here", "the file has no such layer"}


def test_a_layer_that_lost_its_bias_or_got_one_keeps_its_weight() -> None:
    with_ = linear("fc", 5, 8)
    without: State = {"fc.weight": (5, 8)}
    report = matched(without, with_)
    assert status(report) == {"fc.weight": "kept", "fc.bias": "new"}
    assert report.rows[1].why == "`fc` has no such tensor"
    assert [one.why for one in matched(with_, without).unused] == ["`fc` has no such tensor"]


def test_weights_that_lie_otherwise_are_not_taken_by_their_shape() -> None:
    there = {"dense/kernel": (8, 8), "dense/bias": (8,)}
    report = matched(there, states(linear("dense", 8, 8)))
    assert status(report)["dense.weight"] == "new"


def test_a_tensor_whose_name_is_its_layers_is_found() -> None:
    there = {"stem.weight": (8, 3, 3, 3), "gamma": (8,)}
    here = {"stem.weight": (8, 3, 3, 3), "scale.weight": (8, 1, 1)}
    assert matched(there, here).sources == {"stem.weight": "stem.weight", "scale.weight": "gamma"}


# ------------------------------------------------------------------------------------------------------ any network


@st.composite
def networks(draw: st.DrawFn) -> State:
    """Layers in a row, some in blocks; widths are few, so that many are equal."""
    parts = []
    into = 3
    for number in range(draw(st.integers(1, 8))):
        width = draw(st.sampled_from([4, 8]))
        name = f"{draw(st.sampled_from(['', 'block1.', 'block2.deep.']))}layer{number}"
        kind = draw(st.sampled_from(["conv", "norm", "linear", "bare"]))
        if kind == "conv":
            parts.append(conv(name, width, into, draw(st.sampled_from([1, 3]))))
        elif kind == "norm":
            parts.append(norm(name, into))
            continue
        elif kind == "linear":
            parts.append(linear(name, width, into))
        else:
            parts.append({f"{name}.weight": (width, into)})
        into = width
    return states(*parts)


def renamed(net: State) -> State:
    """The same layers under names that have nothing in common with theirs."""
    names: dict[str, str] = {}
    found: State = {}
    for key, shape in net.items():
        name, _, own = key.rpartition(".")
        found[f"{names.setdefault(name, f'z{len(names)}')}.{own}"] = shape
    return found


@given(networks())
def test_a_renamed_network_fits_tensor_by_tensor_in_order(net: State) -> None:
    other = renamed(net)
    report = matched(other, net)
    assert report.whole
    assert list(report.sources.values()) == list(other)


@given(networks(), st.randoms(use_true_random=False))
def test_the_order_of_a_file_does_not_matter_where_names_are_the_same(
    net: State, dice: random.Random
) -> None:
    keys = list(net)
    dice.shuffle(keys)
    for ordered in (True, False):
        report = matched({key: net[key] for key in keys}, net, ordered=ordered)
        assert set(status(report).values()) == {"kept"}


@given(networks(), st.data())
def test_what_is_left_out_is_new_or_doubted_and_the_rest_is_where_it_was(
    net: State, data: st.DataObject
) -> None:
    names = sorted({key.rpartition(".")[0] for key in net})
    gone = data.draw(st.sets(st.sampled_from(names), max_size=len(names) - 1)) if len(names) > 1 else set()
    less = {key: shape for key, shape in net.items() if key.rpartition(".")[0] not in gone}
    report = matched(less, net)
    for row in report.rows:
        assert row.taken == (row.name in less)
    assert not report.unused
    back = matched(net, less)
    assert back.whole
    assert {one.name for one in back.unused} == set(net) - set(less)


@given(networks(), st.data())
def test_whatever_is_left_out_of_a_renamed_file_nothing_is_taken_that_is_not_its_own(
    net: State, data: st.DataObject
) -> None:
    """Where equal layers make it open which is gone, structure may only take what is sure."""
    names = sorted({key.rpartition(".")[0] for key in net})
    gone = data.draw(st.sets(st.sampled_from(names), max_size=1)) if len(names) > 1 else set()
    known = dict(zip(renamed(net), net, strict=True))
    less = {key: shape for key, shape in renamed(net).items() if known[key].rpartition(".")[0] not in gone}
    report = matched(less, net)
    for key, source in report.sources.items():
        assert net[known[source]] == net[key]
    if not gone:
        assert report.whole


@given(networks(), networks())
def test_any_two_networks_get_a_sound_report(one: State, other: State) -> None:
    matched(renamed(one), other)
    matched(one, other)
    matched(one, other, ordered=False)


def test_a_thousand_layers_are_matched_in_a_moment() -> None:
    deep = states(*(states(conv(f"a.{i}.conv", 64, 64), norm(f"a.{i}.norm", 64)) for i in range(500)))
    started = time.process_time()
    assert matched(renamed(deep), deep).whole
    quick = time.process_time() - started
    fewer = {key: shape for key, shape in renamed(deep).items() if not key.startswith("z7.")}
    started = time.process_time()
    matched(fewer, deep)
    assert quick < 2
    assert time.process_time() - started < 20


# ---------------------------------------------------------------------------------------------------------- the report


def test_the_report_is_told_by_layers_and_as_data() -> None:
    there = states(
        conv("features.0", 8, 3), norm("features.1", 8), linear("classifier", 1000, 8), conv("x", 2, 2)
    )
    here = states(conv("stem.conv1", 8, 3), norm("stem.norm1", 8), linear("head", 5, 8))
    report = matched(there, here)
    text = str(report)
    assert "renamed" in text
    assert "[1000, 8] there, [5, 8] here" in text
    assert text.splitlines()[-1] == ("6 of 8 tensors from the file (6 renamed, 2 new); 3 of the file unused")
    told = json.loads(json.dumps(report.as_json()))
    assert told["counts"] == {"kept": 0, "renamed": 6, "reshaped": 0, "new": 2, "ambiguous": 0, "unused": 3}
    assert told["tensors"][0]["source"] == "features.0.weight"


def test_names_are_escaped_where_they_are_shown() -> None:
    report = matched({"<b>\x1b[31m.weight": (2, 3)}, {"a.weight": (2, 3)})
    assert "\x1b" not in str(report)
    assert "<b>" not in report._repr_html_()
    assert "&lt;b&gt;" in report._repr_html_()


def test_a_long_run_of_layers_of_one_story_is_cut_short() -> None:
    net = states(*(conv(f"c{i}", 8, 8) for i in range(40)))
    assert len(str(matched(net, net)).splitlines()) == 5
    assert len(list(matched(net, net).lines(every=True))) == 41
