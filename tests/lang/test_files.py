"""Specs of several files: `extends` says what is different, `include` brings blocks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from netspec.front import check, check_source, load
from netspec.recipe.spec import Spec
from netspec.text import Diagnostic, Severity, SpecError
from netspec.text.render import render_all

BASE = """\
netspec: 1
name: base
define: {width: 8, deep: false}
inputs: {x: {shape: [3, 16, 16], range: [0, 1]}}
targets: {y: {kind: class_index, classes: 4}}
blocks:
  stage:
    params: {kernel_size: int}
    layers:
      - conv: {out_channels: $width, kernel_size: $kernel_size}
        name: conv
      - {batch_norm, name: norm}
      - residual: [{relu, name: act}]
layers:
  - stage: 3
  - {max_pool: 2, name: pool}
  - flatten
  - {linear: 4, name: scores}
init: {conv: {weight: {normal: {std: 0.1}}}}
loss: cross_entropy(scores, y)
training: {epochs: 1, batch_size: 4, optimizer: {sgd: {lr: 0.1, momentum: 0.9}}}
"""


def project(folder: Path, files: Mapping[str, str]) -> Path:
    """A project with a base spec and more files; the path of `a.yaml`."""
    (folder / "pyproject.toml").write_text("")
    for name, text in {"base.yaml": BASE, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "a.yaml"


def extended(folder: Path, text: str, **more: str) -> Spec:
    """The spec of a file that extends the base."""
    spec, found = check(project(folder, {"a.yaml": "netspec: 1\nextends: base.yaml\n" + text, **more}))
    assert spec is not None, render_all(found, color=False)
    return spec


def told(path: Path, *words: str) -> Diagnostic:
    """The only error of a file, which says these words."""
    errors = [one for one in check(path)[1] if one.severity is Severity.ERROR]
    text = render_all(errors, color=False)
    assert len(errors) == 1, text
    assert [word for word in words if word not in text] == [], text
    return errors[0]


def ops(spec: Spec) -> list[str]:
    return [node.op.name for node in spec.graph.nodes if not node.path.startswith("loss")]


def test_what_is_not_said_is_the_base_and_constants_reach_into_it(tmp_path: Path) -> None:
    spec = extended(tmp_path, "name: a\ndefine: {width: 5}\n")
    assert (spec.name, spec.define["width"], spec.define["deep"]) == ("a", 5, False)
    assert spec.graph.parameters["stage1.conv.weight"].shape == (5, 3, 3, 3)
    assert [one.name for one in spec.sources] == [str(tmp_path / "a.yaml"), str(tmp_path / "base.yaml")]


@pytest.mark.parametrize(
    "edit, expected",
    [
        ("blocks: {stage: {layers: {norm: null}}}", "conv relu add max_pool flatten linear"),
        ("blocks: {stage: {layers: {act: {tanh: }}}}", "conv batch_norm tanh add max_pool flatten linear"),
        ("layers: {pool: {avg_pool: 4}}", "conv batch_norm relu add avg_pool flatten linear"),
        ("layers: {pool: [{max_pool: 2}, dropout]}", "conv batch_norm relu add max_pool dropout flatten linear"),
        ("layers: {pool: {when: deep}}", "conv batch_norm relu add flatten linear"),
        ("layers: {scores: [{linear: 9}, relu, {linear: 4}]}",
         "conv batch_norm relu add max_pool flatten linear relu linear"),
    ],
)  # fmt: skip
def test_layers_are_edited_by_their_written_names(tmp_path: Path, edit: str, expected: str) -> None:
    assert " ".join(ops(extended(tmp_path, edit + "\n"))) == expected


def test_the_same_op_is_changed_and_keeps_its_other_arguments(tmp_path: Path) -> None:
    spec = extended(tmp_path, "blocks: {stage: {layers: {conv: {conv: {kernel_size: 5}}}}}\n")
    assert spec.graph.parameters["stage1.conv.weight"].shape == (8, 3, 5, 5)


def test_the_last_of_several_has_the_name(tmp_path: Path) -> None:
    spec = extended(tmp_path, "layers: {scores: [{linear: 9}, {linear: 4}]}\n")
    assert list(spec.graph.entry("predict")) == ["scores"]


def test_a_call_of_the_same_name_is_merged_and_another_replaces_it(tmp_path: Path) -> None:
    spec = extended(tmp_path, "training: {optimizer: {sgd: {lr: 0.5}}}\n")
    assert spec.training is not None
    assert spec.training.optimizer.arguments() == {"lr": 0.5, "momentum": 0.9}
    spec = extended(tmp_path, "init: {conv: {weight: {uniform: [-1, 1]}}}\n")
    init = spec.graph.parameters["stage1.conv.weight"].init
    assert type(init).__name__ == "Uniform"


def test_later_files_win_and_the_file_itself_last(tmp_path: Path) -> None:
    path = project(tmp_path, {
        "a.yaml": "netspec: 1\nextends: [base.yaml, b.yaml]\ndefine: {deep: true}\n",
        "b.yaml": "netspec: 1\nname: b\ndefine: {width: 3, deep: false}\n",
    })  # fmt: skip
    spec = load(path, {"width": 4})
    assert (spec.name, spec.define["width"], spec.define["deep"]) == ("b", 4, True)


def test_a_mistake_in_the_base_is_told_in_the_base(tmp_path: Path) -> None:
    path = project(tmp_path, {"a.yaml": "netspec: 1\nextends: base.yaml\ndefine: {width: 0}\n"})
    error = told(path, "base.yaml:10:30", "at least 1")
    assert error.span is not None
    assert error.span.source.name.endswith("base.yaml")


@pytest.mark.parametrize(
    "text, code, words",
    [
        ("extends: bse.yaml\n", "NS151", ("no file", "`{tmp}/base.yaml`")),
        ("extends: ../base.yaml\n", "NS151", ("outside of the project",)),
        ("extends: /etc/passwd\n", "NS151", ("outside of the project",)),
        ("extends: [3]\n", "NS151", ("names files",)),
        ("extends: a.yaml\n", "NS152", ("being read already",)),
        ("extends: b.yaml\n", "NS152", ("a.yaml > b.yaml > a.yaml",)),
        ("extends: base.yaml\nlayers: {pol: null}\n", "NS153", ("`pool`",)),
        ("extends: base.yaml\nblocks: {stage: {layers: {nrm: null}}}\n", "NS153", ("`norm`",)),
        ("extends: base.yaml\ndefine: {with: null}\n", "NS153", ("`width`",)),
        ("extends: empty.yaml\n", "NS005", ()),
        ("extends: old.yaml\n", "NS100", ("named here",)),
    ],
)  # fmt: skip
def test_what_cannot_be_extended_is_told_where_it_is_named(
    tmp_path: Path, text: str, code: str, words: tuple[str, ...]
) -> None:
    path = project(tmp_path, {
        "a.yaml": "netspec: 1\n" + text, "b.yaml": "netspec: 1\nextends: a.yaml\n", "empty.yaml": "",
        "old.yaml": "name: old\nlayers: [relu]\ninputs: {x: [3]}\n",
    })  # fmt: skip
    errors = [one for one in check(path)[1] if one.severity is Severity.ERROR]
    shown = render_all(errors, color=False)
    assert errors[0].code == code, shown
    assert [word for word in words if word.replace("{tmp}", str(tmp_path)) not in shown] == [], shown


BLOCKS = """\
netspec: 1
define: {slope: 0.2}
blocks:
  cell:
    params: {channels: int}
    layers:
      - conv: {out_channels: $channels, kernel_size: 3, padding: 1}
      - leaky_relu: $slope
"""


def test_an_included_block_sees_the_constants_of_its_own_file(tmp_path: Path) -> None:
    text = (
        "netspec: 1\ninclude: {kit: blocks/kit.yaml}\ndefine: {slope: 0.9}\ninputs: {x: [3, 8, 8]}\n"
        "layers:\n  - kit.cell: 4\n  - {kit.cell: 5, name: last}\n"
    )
    spec, found = check(project(tmp_path, {"a.yaml": text, "blocks/kit.yaml": BLOCKS}))
    assert spec is not None, render_all(found, color=False)
    assert [node.path for node in spec.graph.nodes] == [
        "kit_cell1.conv1", "kit_cell1.leaky_relu1", "last.conv1", "last.leaky_relu1",
    ]  # fmt: skip
    assert spec.graph.nodes[1].op.arguments() == {"negative_slope": 0.2}
    assert dict(spec.files) == {"blocks/kit.yaml": BLOCKS}
    again, _ = check_source(spec.sources[0], tmp_path, files=spec.files)
    assert again is not None
    assert again.digest == spec.digest


def test_a_mistake_in_an_included_block_shows_the_definition_and_the_use(tmp_path: Path) -> None:
    text = "netspec: 1\ninclude: {kit: kit.yaml}\ninputs: {x: [3, 2, 2]}\nlayers:\n  - kit.cell: 4\n  - kit.cell: 0\n"
    error = told(
        project(tmp_path, {"a.yaml": text, "kit.yaml": BLOCKS}), "kit.yaml:7", "a.yaml:6", "at least 1"
    )
    assert error.labels[0].span.line == 6


@pytest.mark.parametrize(
    "text, code, words",
    [
        ("include: 3\n", "NS114", ("aliases",)),
        ("include: {kit: kt.yaml}\n", "NS151", ("kit.yaml",)),
        ("include: {Kit: kit.yaml}\n", "NS119", ("small letters",)),
        ("include: {kit: [a]}\n", "NS151", ("by its path",)),
        ("include: {kit: kit.yaml}\nlayers: [kit.cel]\n", "NS101", ("`kit.cell`",)),
        ("include: {kit: kit.yaml}\nlayers: [cell]\n", "NS101", ("`kit.cell`",)),
        ("include: {kit: a.yaml}\n", "NS152", ("being read already",)),
    ],
)
def test_what_cannot_be_included_is_told_where_it_is_named(
    tmp_path: Path, text: str, code: str, words: tuple[str, ...]
) -> None:
    whole = "netspec: 1\ninputs: {x: [3, 8, 8]}\n" + text
    whole += "" if "layers" in text else "layers: [relu]\n"
    path = project(tmp_path, {"a.yaml": whole, "kit.yaml": BLOCKS})
    error = told(path, *words)
    assert error.code == code


def test_a_file_of_blocks_is_checked_alone_and_is_no_network(tmp_path: Path) -> None:
    path = project(tmp_path, {"kit.yaml": BLOCKS}).with_name("kit.yaml")
    spec, found = check(path)
    assert spec is None
    assert [one.code for one in found if one.severity is Severity.ERROR] == []
    with pytest.raises(SpecError, match="NS142"):
        load(path)


def test_a_link_that_leads_out_of_the_project_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "project"
    inside.mkdir()
    (tmp_path / "secret.yaml").write_text(BASE)
    path = project(inside, {"a.yaml": "netspec: 1\nextends: link.yaml\n"})
    (inside / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    assert told(path, "outside of the project").code == "NS151"


def test_notes_say_the_file_of_a_line_that_stands_in_another(tmp_path: Path) -> None:
    text = "netspec: 1\nextends: base.yaml\nlayers: {pool: {max_pool: 99}}\n"
    told(project(tmp_path, {"a.yaml": text}), "`stage1.conv` (line 10 of", "base.yaml)")
