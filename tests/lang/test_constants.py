from __future__ import annotations

import pytest

from netspec.lang import constants
from netspec.lang.constants import Constants, evaluate, make_divisible
from netspec.lang.expression import parse
from netspec.lang.report import Report
from netspec.lang.tree import Scalar
from netspec.lang.values import no_sizes
from netspec.text import Source


def computed(text: str, **scope: constants.Constant) -> object:
    """The value, or the code of the only error."""
    report, known = Report(), Constants()
    known.update(scope)
    expression = parse(Scalar(text, Source("a", text).span(0, len(text)), text=text), report)
    good, value = (False, None) if expression is None else evaluate(expression, known, no_sizes, report)
    if good:
        assert not report.diagnostics
        return value
    (error,) = report.diagnostics
    return error.code


@pytest.mark.parametrize(
    "text, value",
    [
        ("1 + 2 * 3", 7),
        ("7 // 2 + 7 % 2", 4),
        ("-7 // 2", -4),
        ("1 / 4", 0.25),
        ("2 ** 10", 1024),
        ("2 ** -1", 0.5),
        ("width * 2", 80),
        ("[1, 2][1]", 2),
        ("sizes[-1]", 3),
        ("sizes[1:]", (2, 3)),
        ("sum(sizes[:2])", 3),
        ("len(sizes)", 3),
        ("max(1, width // 16)", 2),
        ("round(2.5)", 2),
        ("floor(2.7) + ceil(2.1)", 5),
        ("sqrt(16)", 4.0),
        ("log2(8)", 3.0),
        ("make_divisible(33, 8)", 32),
        ("'a' if width > 3 else 'b'", "a"),
        ("width == 40 and not false", True),
        ("word in ['a', 'b']", True),
        ("3 not in sizes", False),
        ("1 < 2 < 3", True),
        ("true or nothing", True),
        ("1 if true else nothing", 1),
    ],
)
def test_an_expression_of_constants_has_its_value(text: str, value: object) -> None:
    found = computed(text, width=40, sizes=(1, 2, 3), word="a")
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text, code",
    [
        ("nothing", "NS110"),
        ("widht + 1", "NS110"),
        ("f(1)", "NS112"),
        ("max(a=1)", "NS112"),
        ("width.real", "NS111"),
        ("(1 + 1).real", "NS133"),
        ("1 / 0", "NS134"),
        ("1 // 0", "NS134"),
        ("1 % 0", "NS134"),
        ("0 ** -1", "NS134"),
        ("(-8) ** 0.5", "NS134"),
        ("2 ** 65", "NS134"),
        ("2 ** 64", "NS134"),
        ("10 ** 17", "NS134"),
        ("99999999999999999999", "NS134"),
        ("1e400", "NS134"),
        ("1e300 * 1e300", "NS134"),
        ("'a' * 3", "NS134"),
        ("[1] + [2]", "NS134"),
        ("true + 1", "NS134"),
        ("sizes[3]", "NS134"),
        ("sizes['a']", "NS134"),
        ("sizes[true]", "NS134"),
        ("width[0]", "NS134"),
        ("1 < 'a'", "NS134"),
        ("1 in 2", "NS134"),
        ("not 1", "NS134"),
        ("1 and true", "NS134"),
        ("1 if 2 else 3", "NS134"),
        ("sqrt(-1)", "NS134"),
        ("log2(0)", "NS134"),
        ("len(3)", "NS134"),
        ("make_divisible(1, 0)", "NS134"),
        ("1j", "NS133"),
        ("...", "NS133"),
        ("b'a'", "NS133"),
        ("{1: 2}", "NS133"),
        ("{1, 2}", "NS133"),
        ("f'{1}'", "NS133"),
        ("max(*sizes)", "NS133"),
        ("width is 3", "NS133"),
        ("~1", "NS133"),
        ("1 << 3", "NS133"),
        ("1 +", "NS130"),
        ("1 2", "NS130"),
        (") + (", "NS130"),
        ("", "NS130"),
        ("((" * 40 + "1" + "))" * 40 + " + -" * 70 + "1", "NS131"),
    ],
)
def test_an_expression_without_a_value_is_refused_with_its_code(text: str, code: str) -> None:
    assert computed(text, width=40, sizes=(1, 2, 3)) == code


def test_a_size_is_made_divisible_as_the_mobile_networks_do() -> None:
    assert [make_divisible(v, 8) for v in (8, 10, 11, 12, 13, 4, 19.2)] == [8, 16, 16, 16, 16, 8, 24]
    assert all(make_divisible(v, 8) >= 0.9 * v for v in range(1, 500))
