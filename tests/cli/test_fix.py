from __future__ import annotations

import json
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from netspec.cli import fix
from netspec.cli.fix import Repair, fix_file
from netspec.cli.validate import validate
from netspec.front import check
from netspec.lang.yaml import open_source, read
from netspec.text import Diagnostic, Edit, Severity, page

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
HEART = sorted(path for path in (GOLDEN / "heart").glob("*.yaml") if not path.name.endswith(".fixed.yaml"))
YAML = sorted((GOLDEN / "yaml").glob("*.yaml"))
PAGES = sorted((Path(page.__file__).parent / "pages").glob("*.md"))

GOOD = "netspec: 1\ninputs: {x: [3]}\nlayers: [relu, linear: 2]\n"
BAD = GOOD.replace("relu", "rely")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(validate, [str(one) for one in arguments], standalone_mode=False)


def kinds(told: Sequence[Diagnostic]) -> Counter[tuple[str, str]]:
    return Counter((one.code, one.message) for one in told)


def examples() -> Iterator[tuple[str, str]]:
    """Every mistake that is written down somewhere."""
    for path in (*HEART, *YAML):
        yield f"{path.parent.name}/{path.stem}", path.read_bytes().decode("utf-8")
    for path in PAGES:
        one = page.read(path.read_text(encoding="utf-8"))
        if one.example is not None:
            yield path.stem, one.example


MISTAKES = dict(examples())


def assert_better(repair: Repair, before: Sequence[Diagnostic], fixed: Sequence[Diagnostic]) -> None:
    """What was fixed is said no more, and nothing is said now that could have been said before."""
    after = kinds(repair.now.told)
    if not fixed:
        assert after == kinds(before)
        return
    left = kinds(before) - kinds([one for one in fixed if one in before])
    new = after - left
    assert not new.keys() & kinds(before).keys()
    unread = read(repair.before[repair.main])[0] is None
    wrong = any(one.severity is Severity.ERROR for one in before)
    right = not any(one.severity is Severity.ERROR for one in repair.now.told)
    assert not new or (unread and not any(code.startswith("NS0") for code, _ in new)) or (wrong and right)


@pytest.mark.parametrize("name", MISTAKES)
def test_fixing_a_mistake_makes_its_message_go_away_and_adds_none(name: str, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_bytes(MISTAKES[name].encode())
    repair = Repair(path, {})
    before = repair.now.told
    fixes = repair.run()
    assert_better(repair, before, [one.diagnostic for one in fixes])
    assert path.read_bytes() == MISTAKES[name].encode()


@pytest.mark.parametrize("path", HEART, ids=lambda path: path.stem)
def test_a_fixed_heart_is_the_one_that_the_help_leads_to(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "heart.yaml"
    copy.write_bytes(path.read_bytes())
    before = [one for one in check(copy)[1] if one.edit]
    fixes = fix_file(copy, {})
    wanted = path.with_name(f"{path.stem}.fixed.yaml") if before else path
    assert copy.read_bytes() == wanted.read_bytes()
    assert [one.diagnostic.code for one in fixes] == [one.code for one in before]


@given(st.data())
def test_several_mistakes_are_fixed_together_and_nothing_is_worse(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = (ROOT / "specs" / "lenet.yaml").read_text(encoding="utf-8")
    swaps = [
        ("out_channels", "out_chanels"), ("tanh", "tahn"), ("avg_pool", "avgpool"), ("logits, label", "logit, label"),
        ("momentum", "momentun"), ("netspec: 1\n", ""), ("metrics", "metric"), ("linear: 84", "linear:84"),
        ("class_index", "class_idx"), ("- flatten", "- Flatten"), ("{maximize", "{minimize"), ("kernel_size: 5}", "5}"),
    ]  # fmt: skip
    for right, wrong in data.draw(st.lists(st.sampled_from(swaps), min_size=1, max_size=4, unique=True)):
        text = text.replace(right, wrong, data.draw(st.integers(1, 3)))
    path = tmp_path_factory.mktemp("spec") / "lenet.yaml"
    path.write_text(text)
    repair = Repair(path, {})
    before = repair.now.told
    fixes = repair.run()
    after = kinds([one for one in repair.now.told if one.severity is Severity.ERROR])
    errors = kinds([one for one in before if one.severity is Severity.ERROR])
    assert repair.now.readable or not fixes
    if read(repair.before[repair.main])[0] is not None:
        assert after <= errors


# ------------------------------------------------------------------------------------------------------- the command


def test_validate_fix_changes_the_file_says_what_it_did_and_checks_again(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("# kept\n" + BAD.replace("linear: 2", "linear: 2  # kept too\n  "))
    made = run(path, "--fix")
    assert made.return_value == 0
    assert made.stdout == f"fixed {path}:4: NS101 `rely` -> `relu`\n1 spec checked: no errors\n"
    assert path.read_text() == "# kept\n" + GOOD.replace("linear: 2", "linear: 2  # kept too\n  ")


def test_what_cannot_be_fixed_is_told_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(BAD.replace("linear: 2", "linear: 2.5"))
    made = run(path, "--fix")
    assert made.return_value == 1
    assert made.stdout.startswith(f"fixed {path}:3: NS101")
    assert "error[NS123]" in made.stdout
    assert path.read_text() == GOOD.replace("linear: 2", "linear: 2.5")


def test_a_program_reads_only_diagnostics_on_standard_output(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(BAD)
    made = run(path, "--fix", "--format", "json")
    assert json.loads(made.stdout) == []
    assert made.stderr.startswith("fixed ")


def test_a_good_file_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(GOOD)
    before = path.stat()
    assert run(path, "--fix").return_value == 0
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_line_ends_mode_and_byte_order_mark_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + BAD.replace("\n", "\r\n").encode())
    path.chmod(0o600)
    assert run(path, "--fix").return_value == 0
    assert path.read_bytes() == b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_mistake_that_hid_another_with_a_cure_is_fixed_with_it(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("netspec: 1\ninputs: {x: [3]}\nlayers:\n  - rely\n  - linaer:2\n")
    fixes = fix_file(path, {})
    assert {one.edit.text for one in fixes} == {" ", "relu", "linear"}
    assert path.read_text() == "netspec: 1\ninputs: {x: [3]}\nlayers:\n  - relu\n  - linear: 2\n"


def test_a_missing_file_is_told_as_ever(tmp_path: Path) -> None:
    made = run(tmp_path / "a.yaml", "--fix")
    assert made.return_value == 1
    assert "NS001" in made.stdout


def test_a_setting_counts_when_a_spec_is_fixed(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("netspec: 1\ndefine: {width: 2}\ninputs: {x: [3]}\nlayers: [linaer: $width]\n")
    assert run(path, "--fix", "--set", "widht=3").return_value == 1
    assert "linear: $width" in path.read_text()


# ------------------------------------------------------------------------------------------------------- other files


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project" / "parts").mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").touch()
    (tmp_path / "project" / "parts" / "base.yaml").write_text(BAD)
    (tmp_path / "project" / "a.yaml").write_text("netspec: 1\nextends: parts/base.yaml\n")
    return tmp_path / "project"


def test_a_mistake_in_a_file_that_a_spec_extends_is_fixed_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)
    made = run("project/a.yaml", "--fix")
    assert made.return_value == 0, made.stdout
    assert made.stdout.startswith("fixed project/parts/base.yaml:3: NS101 `rely` -> `relu`\n")
    assert (project / "parts" / "base.yaml").read_text() == GOOD
    assert (project / "a.yaml").read_text() == "netspec: 1\nextends: parts/base.yaml\n"


def test_nothing_outside_of_the_project_is_read_or_written(project: Path) -> None:
    outside = project.parent / "base.yaml"
    outside.write_text(BAD)
    (project / "a.yaml").write_text("netspec: 1\nextends: ../base.yaml\n")
    assert run(project / "a.yaml", "--fix").return_value == 1
    (project / "parts" / "base.yaml").unlink()
    (project / "parts" / "base.yaml").symlink_to(outside)
    (project / "a.yaml").write_text("netspec: 1\nextends: parts/base.yaml\n")
    assert run(project / "a.yaml", "--fix").return_value == 1
    assert outside.read_text() == BAD


# -------------------------------------------------------------------------------------------------------- bad cures


def told(path: Path, *edits: tuple[int, int, str]) -> list[Diagnostic]:
    source = open_source(path)
    return [
        Diagnostic("NS101", Severity.ERROR, f"mistake {i}", span, edit=Edit(span, text))
        for i, (start, end, text) in enumerate(edits)
        for span in [source.span(start, end)]
    ]


def test_a_cure_that_does_not_cure_or_brings_another_mistake_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("netspec: 1\n# abc\n")

    def checked(source: object, *_: object, **__: object) -> tuple[None, tuple[Diagnostic, ...]]:
        text = getattr(source, "text", "")
        found = told(path, (13, 14, "x"), (14, 15, "y"), (15, 16, "z"))
        gone = {0} if "y" in text else set()  # the second cures the first, not itself
        new = told(path, (0, 0, ""))[:1] if "z" in text else []  # and the third brings one more
        return None, tuple(one for i, one in enumerate(found) if i not in gone) + tuple(new)

    monkeypatch.setattr(fix, "check_source", checked)
    assert fix_file(path, {}) == []
    assert path.read_text() == "netspec: 1\n# abc\n"


def test_cures_that_call_for_one_another_come_to_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("netspec: 1\n# a\n")

    def checked(source: object, *_: object, **__: object) -> tuple[None, tuple[Diagnostic, ...]]:
        span = getattr(source, "span")(13, 14)  # noqa: B009 - the stand-in takes any object
        other = "b" if span.text == "a" else "a"
        warning = Diagnostic(
            f"NS40{other == 'b':d}", Severity.WARNING, f"write {other}", span, edit=Edit(span, other)
        )
        error = Diagnostic("NS101", Severity.ERROR, f"not {span.text}", span, edit=Edit(span, other))
        return None, (warning if span.text == "a" else error,)

    monkeypatch.setattr(fix, "check_source", checked)
    repair = Repair(path, {})
    assert repair.run() == []
    assert repair.checks < 10
