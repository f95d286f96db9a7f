"""The house keeps its own rules: what stands at the top, how long a file may be, one README, one table of codes."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import netspec
from netspec.cli.main import COMMANDS
from netspec.text.codes import CODES

ROOT = Path(__file__).parent.parent

TOP = {
    ".ci",
    ".github",
    ".gitignore",
    ".pre-commit-hooks.yaml",
    "LICENSE",
    "README.md",
    "backends",
    "netspec",
    "pyproject.toml",
    "specs",
    "tests",
}
CODE = re.compile(r"\bNS\d{3}\b")
SETUP = "python3 -m venv .venv && .venv/bin/pip install -q -c .ci/constraints.txt -e "


def kept_files() -> list[str]:
    """The paths that git keeps and that still stand; skips where there is no repository, as in an unpacked archive."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone: which files are kept is git's to say")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    return [path for path in listed.split("\0") if path and (ROOT / path).is_file()]


def source_files() -> Iterator[Path]:
    """Every Python file of the compiler and the backends."""
    for shelf in ("netspec", "backends"):
        yield from (ROOT / shelf).rglob("*.py")


def pyproject() -> dict[str, object]:
    """The `[project]` table."""
    table: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def commands() -> list[str]:
    """The lines of the README that set up an environment, each whole as people paste it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.startswith(SETUP)]


def docstrings(tree: ast.Module) -> set[int]:
    """The identities of the constants of a module that are docstrings: they mention, they do not use."""
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, holders) and node.body]
    return {id(body[0].value) for body in bodies if isinstance(body[0], ast.Expr)}


def used_codes(source: str) -> set[str]:
    """The codes that a file raises or compares with: string literals that hold one, docstrings left out."""
    tree = ast.parse(source)
    silent = docstrings(tree)
    literals = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent
    )
    return {code for literal in literals for code in CODE.findall(literal)}


def used_by_the_source() -> dict[str, str]:
    """Every code that the source uses, and a file that does; the table itself does not count."""
    table = ROOT / "netspec" / "text" / "codes.py"
    return {
        code: str(path.relative_to(ROOT))
        for path in source_files()
        if path != table
        for code in used_codes(path.read_text(encoding="utf-8"))
    }


def test_the_top_of_the_repository_holds_what_people_look_for_and_nothing_else() -> None:
    assert {path.split("/")[0] for path in kept_files()} == TOP


def test_no_file_is_longer_than_500_lines() -> None:
    lengths = {path: (ROOT / path).read_bytes().count(b"\n") for path in kept_files()}
    assert {
        path: length for path, length in lengths.items() if length > 500 and path.endswith((".py", ".md"))
    } == {}


def test_every_module_has_a_sign_on_its_door() -> None:
    bare = [str(path) for path in source_files() if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert bare == []


def test_every_package_has_its_init_file() -> None:
    folders = {path.parent for path in source_files()} - {ROOT / "backends"}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_no_file_names_a_place_on_a_machine_of_ours() -> None:
    place = re.compile(r"/(?:work|root)/\w")
    found = [path for path in kept_files() if path.endswith((".py", ".md", ".yaml", ".yml", ".toml", "run"))]
    assert [path for path in found if place.search((ROOT / path).read_text(encoding="utf-8"))] == []


def test_the_readme_has_one_command_for_the_main_job_and_one_for_the_tests() -> None:
    main, tests = commands()
    assert main.startswith(SETUP + "'.[all]' && .venv/bin/netspec phantom data/heart")
    assert main.endswith(".venv/bin/netspec train specs/heart-volume.yaml")
    assert tests == SETUP + "'.[all,dev]' && .venv/bin/pytest"


def test_the_readme_names_every_command_that_there_is_and_no_other() -> None:
    named = set(re.findall(r"`netspec ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named | {"phantom"} == set(COMMANDS)


def test_every_link_between_pages_leads_to_a_page() -> None:
    pages = [path for path in kept_files() if path.endswith(".md")]
    links = {
        (page, link)
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text(encoding="utf-8"))
        if "://" not in link
    }
    assert ("README.md", "specs/README.md") in links
    assert [link for link in sorted(links) if not (ROOT / link[0]).parent.joinpath(link[1]).exists()] == []


def test_ci_reads_its_test_command_out_of_the_readme_and_has_none_of_its_own() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r'grep -E "(.*)" README\.md', script)
    assert pattern is not None
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(pattern[1], readme, re.MULTILINE) == [commands()[1]]
    assert "bin/pytest" not in script.replace(pattern[0], "").replace("... .venv/bin/pytest", "")


def test_every_declared_dependency_is_pinned_to_a_release_that_it_allows() -> None:
    lines = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    releases = {str(canonicalize_name(pin.name)): str(pin.specifier).removeprefix("==") for pin in pins}
    assert all(re.fullmatch(r"[0-9][0-9a-z.]*", release) for release in releases.values()), (
        "exact, no local suffix"
    )
    assert releases["torch"] == "2.13.0"
    extras = pyproject()["optional-dependencies"]
    base = pyproject()["dependencies"]
    assert isinstance(extras, dict)
    assert isinstance(base, list)
    wanted = [Requirement(line) for group in (base, *extras.values()) for line in group]
    others = [line for line in wanted if line.name != pyproject()["name"]]
    assert len(others) > 10
    refused = [
        str(line) for line in others if not line.specifier.contains(releases[canonicalize_name(line.name)])
    ]
    assert refused == []


def test_the_extra_named_all_holds_every_extra_but_dev() -> None:
    extras = pyproject()["optional-dependencies"]
    assert isinstance(extras, dict)
    assert Requirement(extras["all"][0]).extras == set(extras) - {"all", "dev"}


def test_the_version_is_a_plain_release() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", netspec.__version__)


def test_every_code_that_the_source_uses_is_in_the_table() -> None:
    unknown = {code: path for code, path in used_by_the_source().items() if code not in CODES}
    assert unknown == {}


def test_every_code_in_the_table_is_used() -> None:
    assert sorted(set(CODES) - set(used_by_the_source())) == []


def test_a_code_in_a_docstring_is_a_mention_and_no_use() -> None:
    assert used_codes(
        '"""NS999."""\ndef f():\n    """NS998"""\n    raise E("NS997", f"see NS996 {f}")\n'
    ) == {
        "NS996",
        "NS997",
    }
