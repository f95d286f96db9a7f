"""Sizes: the normal form against plain integers and sympy."""

import ast
import copy
import operator
import pickle
from collections.abc import Callable, Mapping
from itertools import starmap
from typing import NamedTuple

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.dim import Dim, DimTooComplex
from netspec.ir.dim_terms import MAX_KEY

H, W, C = Dim.of("H"), Dim.of("W"), Dim.of("C")


class Both(NamedTuple):
    """One formula told twice: in normal form, and as the arithmetic it stands for."""

    dim: Dim
    direct: Callable[[Mapping[str, int]], int]


def number(value: int) -> Both:
    return Both(Dim.of(value), lambda _: value)


def symbol(name: str) -> Both:
    return Both(Dim.of(name), lambda sizes: sizes[name])


def joined(how: str, a: Both, b: Both) -> Both:
    match how:
        case "+":
            return Both(a.dim + b.dim, lambda sizes: a.direct(sizes) + b.direct(sizes))
        case "-":
            return Both(a.dim - b.dim, lambda sizes: a.direct(sizes) - b.direct(sizes))
        case "*":
            return Both(a.dim * b.dim, lambda sizes: a.direct(sizes) * b.direct(sizes))
        case "min":
            return Both(Dim.minimum(a.dim, b.dim), lambda sizes: min(a.direct(sizes), b.direct(sizes)))
        case _:
            return Both(Dim.maximum(a.dim, b.dim), lambda sizes: max(a.direct(sizes), b.direct(sizes)))


def divided(a: Both, divisor: int, up: bool) -> Both:
    if up:
        return Both(a.dim.ceildiv(divisor), lambda sizes: -(-a.direct(sizes) // divisor))
    return Both(a.dim // divisor, lambda sizes: a.direct(sizes) // divisor)


leaves = st.one_of(st.sampled_from("HWC").map(symbol), st.integers(-5, 9).map(number))
formulas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(joined, st.sampled_from(["+", "-", "*", "min", "max"]), inner, inner),
        st.builds(divided, inner, st.integers(1, 6), st.booleans()),
    ),
    max_leaves=6,
)
sizes = st.fixed_dictionaries(dict.fromkeys("HWC", st.integers(-30, 80)))


def value_of_text(text: str, at: Mapping[str, int]) -> int:
    """What Python makes of a printed size."""
    two = {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.FloorDiv: operator.floordiv,
    }

    def value(node: ast.expr) -> int:
        match node:
            case ast.Constant(value=int() as known):
                return known
            case ast.Name(id=name):
                return at[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -value(operand)
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return int(value(left) ** value(right))
            case ast.BinOp(left=left, op=op, right=right):
                return int(two[type(op)](value(left), value(right)))
            case ast.Call(func=ast.Name(id=name), args=args):
                return {"min": min, "max": max}[name](map(value, args))
            case _:
                raise AssertionError(ast.dump(node))

    return value(ast.parse(text, mode="eval").body)


@given(formulas, sizes)
def test_a_normal_form_has_the_value_of_the_formula_it_came_from(formula: Both, at: dict[str, int]) -> None:
    assert formula.dim.evaluate(at) == formula.direct(at)


@given(formulas, sizes)
def test_a_printed_size_means_in_python_what_it_is(formula: Both, at: dict[str, int]) -> None:
    assert value_of_text(str(formula.dim), at) == formula.direct(at)


@given(formulas, sizes)
def test_numbers_may_be_put_in_one_symbol_at_a_time(formula: Both, at: dict[str, int]) -> None:
    result = formula.dim
    for name, size in at.items():
        result = result.substitute({name: size})
    assert result.value == formula.direct(at)


@given(formulas, formulas, sizes)
def test_substituting_a_formula_agrees_with_its_value(outer: Both, inner: Both, at: dict[str, int]) -> None:
    try:
        result = outer.dim.substitute({"H": inner.dim})
    except DimTooComplex:
        return
    assert result.evaluate(at) == outer.direct({**at, "H": inner.direct(at)})


@given(formulas, formulas)
def test_the_order_of_operands_leaves_no_trace(a: Both, b: Both) -> None:
    assert a.dim + b.dim == b.dim + a.dim
    assert a.dim * b.dim == b.dim * a.dim
    assert Dim.minimum(a.dim, b.dim) == Dim.minimum(b.dim, a.dim)
    assert hash(a.dim - b.dim) == hash(-(b.dim - a.dim))
    assert (a.dim + b.dim) - b.dim == a.dim


@given(formulas, st.integers(1, 7), st.integers(1, 7), st.integers(-20, 20))
def test_floors_give_up_whole_multiples(formula: Both, n: int, m: int, shift: int) -> None:
    assert (formula.dim + n * shift) // n == formula.dim // n + shift
    assert (n * formula.dim) // n == formula.dim
    assert (m * n * formula.dim) // (n * m) == formula.dim


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 7), st.integers(1, 7))
def test_two_floors_in_a_row_are_one(slope: int, shift: int, n: int, m: int) -> None:
    inner = slope * H + W + shift
    assert (inner // n) // m == inner // (n * m)


affine = st.builds(lambda a, b, c: a * H + b * W + c, *[st.integers(-6, 6)] * 3)


@given(affine, affine, affine, st.integers(1, 6))
def test_extremes_nest_shift_scale_and_divide_without_a_trace(x: Dim, y: Dim, z: Dim, n: int) -> None:
    assert Dim.maximum(x, Dim.maximum(y, z)) == Dim.maximum(x, y, z)
    assert Dim.minimum(x, Dim.minimum(y, z)) == Dim.minimum(x, y, z)
    assert Dim.maximum(x + z, y + z) == Dim.maximum(x, y) + z
    assert Dim.maximum(3 * x, 3 * y) == 3 * Dim.maximum(x, y)
    assert Dim.minimum(x, y) == x + y - Dim.maximum(x, y)
    assert Dim.minimum(x, x) == x
    assert Dim.minimum(x, y) // n == Dim.minimum(x // n, y // n)
    assert Dim.maximum(x, y) // n == Dim.maximum(x // n, y // n)


polynomials = st.lists(st.tuples(st.integers(-4, 4), *[st.integers(0, 2)] * 3), min_size=1, max_size=5)


@given(polynomials, polynomials)
def test_polynomials_are_identical_exactly_where_sympy_says_they_are(
    first: list[tuple[int, ...]], second: list[tuple[int, ...]]
) -> None:
    names = sympy.symbols("H W C")

    def ours(c: int, *powers: int) -> Dim:
        term = Dim.of(c)
        for base, power in zip((H, W, C), powers, strict=True):
            for _ in range(power):
                term *= base
        return term

    def theirs(c: int, *powers: int) -> sympy.Expr:
        return c * sympy.prod(name**power for name, power in zip(names, powers, strict=True))

    a, b = sum(starmap(ours, first), Dim.of(0)), sum(starmap(ours, second), Dim.of(0))
    x, y = sympy.Add(*starmap(theirs, first)), sympy.Add(*starmap(theirs, second))
    for dim, expression in ((a * b, x * y), (a - b, x - y)):
        terms = sympy.Poly(sympy.expand(expression), *names).terms()
        assert dim == sum((ours(int(c), *powers) for powers, c in terms), Dim.of(0))
    assert (a == b) == (sympy.expand(x - y) == 0)


@given(st.integers(1, 4), st.integers(2, 5), st.integers(0, 2), st.integers(-8, 12), st.integers(1, 40))
def test_floors_agree_with_sympy(slope: int, n: int, padding: int, shift: int, at: int) -> None:
    name = sympy.Symbol("H", integer=True, positive=True)
    expression = sympy.floor((slope * sympy.floor(name / n) + padding + shift) / sympy.Integer(n))
    assert ((slope * (H // n) + padding + shift) // n).evaluate({"H": at}) == expression.subs(name, at)


@pytest.mark.parametrize(
    "size, text",
    [
        ((H + 2) // 2 - 2, "H//2 - 1"),
        (2 * H + 4, "2*H + 4"),
        (W * H, "H*W"),
        (H * H - 1, "H**2 - 1"),
        (Dim.minimum(4, H), "min(H, 4)"),
        (Dim.minimum(H + 2, 6), "min(H, 4) + 2"),
        (H - Dim.minimum(4, H), "max(H, 4) - 4"),
        (W * Dim.minimum(H, 4) * 2, "2*W*min(H, 4)"),
        (Dim.maximum(7, W, H), "max(H, W, 7)"),
        (100 - H, "100 - H"),
        (-(H // 2), "-(H//2)"),
        (2 * (H // 2), "2*(H//2)"),
        ((H + 1) // 2 * W, "W*((H + 1)//2)"),
        ((H * W) // 2, "(H*W)//2"),
        (H - H, "0"),
        ((2 * H + 1) // 4, "H//2"),
        (Dim.minimum((H + 1) // 2, H // 2), "H//2"),
        (H.ceildiv(2), "(H + 1)//2"),
        (Dim.of(7).ceildiv(2), "4"),
    ],
)
def test_sizes_print_as_people_write_them(size: Dim, text: str) -> None:
    assert str(size) == text
    assert repr(size) == f"Dim({text})"


def test_a_number_is_the_int_that_it_equals() -> None:
    three = Dim.of(3)
    assert three == 3
    assert hash(three) == hash(3)
    assert three == (H - H + 3)
    assert (int(three), three.value, three.symbols) == (3, 3, frozenset())
    assert {Dim.of(2) + 1: "found"}.get(Dim.of(3)) == "found"
    assert bool(Dim.of(0)) is False
    assert Dim.of(three) is three
    assert 7 - three == 4
    assert Dim.of(True + 0) == 1


def test_a_symbolic_size_is_no_number_and_says_so() -> None:
    assert H.value is None
    assert (H * W // 2).symbols == {"H", "W"}
    assert H != 3
    assert H != "H"
    for ask in (int, bool):
        with pytest.raises(TypeError, match="the size H"):
            ask(H)
    with pytest.raises(TypeError):
        H < W  # type: ignore[operator]  # noqa: B015
    with pytest.raises(KeyError, match="H"):
        (H + 1).evaluate({"W": 1})


@pytest.mark.parametrize("text", ["h", "HH", "", "H 2", "2H", "H-1", "H\n", "É", "H\u0663", "H" + "1" * 99])
def test_only_a_capital_letter_and_digits_is_a_symbol(text: str) -> None:
    with pytest.raises(ValueError, match="one capital letter"):
        Dim.of(text)


@pytest.mark.parametrize("value", [True, 2.0, None, b"H", [1]])
def test_what_is_no_size_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="a size is an int"):
        Dim.of(value)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        H + value  # type: ignore[operator]


@pytest.mark.parametrize("divisor", [0, -2, H])
def test_division_is_by_a_positive_number_only(divisor: int | Dim) -> None:
    for size in (H, Dim.of(8)):
        with pytest.raises(ValueError, match="divided by a positive number"):
            size // divisor


def test_an_extreme_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="one or more"):
        Dim.minimum()


def test_a_size_cannot_be_changed() -> None:
    for name in ("value", "_poly", "other"):
        with pytest.raises(AttributeError, match="immutable"):
            setattr(H, name, 3)
    with pytest.raises(AttributeError, match="immutable"):
        del H.value
    with pytest.raises(TypeError, match=r"Dim\.of"):
        Dim()


@given(formulas)
def test_copies_and_pickles_are_the_same_size(formula: Both) -> None:
    assert copy.deepcopy(formula.dim) is formula.dim
    assert copy.copy(formula.dim) is formula.dim
    restored = pickle.loads(pickle.dumps(formula.dim))
    assert restored == formula.dim
    assert hash(restored) == hash(formula.dim)


FREE = [Dim.of(f"S{i}") for i in range(140)]


@pytest.mark.parametrize(
    "grow",
    [
        lambda x, i: x * x + FREE[i],
        lambda x, i: x * H,
        lambda x, i: x + FREE[i],
        lambda x, i: (3 * x + H * (x // 5)) // 7,
        lambda x, i: (x + FREE[i]) // (2 + i % 3) * 5,
        lambda x, i: Dim.maximum(x + FREE[i], 2 * x - FREE[-i], x // 2 + H),
        lambda x, i: Dim.maximum(x, FREE[i]),
        lambda x, i: Dim.minimum(x * x, FREE[i] * x, x // 2) + 1,
        lambda x, i: x.substitute({"H": H * H + FREE[i]}),
        lambda x, i: x * 2**60,
    ],
)
def test_a_formula_that_keeps_growing_is_stopped(grow: Callable[[Dim, int], Dim]) -> None:
    def grown() -> None:
        size = H + 1
        for i in range(len(FREE)):
            size = grow(size, i)
            assert len(str(size)) < 4 * MAX_KEY

    with pytest.raises(DimTooComplex, match="this size"):
        grown()


@pytest.mark.parametrize("start", [H, Dim.of(2**200)])
def test_a_number_beyond_all_sizes_is_refused(start: Dim) -> None:
    with pytest.raises(DimTooComplex, match="256 bits"):
        start + 10**5000
    with pytest.raises(DimTooComplex, match="256 bits"):
        start * 2**300
    with pytest.raises(DimTooComplex, match="256 bits"):
        Dim.of(10**5000)


def test_sixty_layers_of_strided_windows_stay_one_short_formula() -> None:
    size = H
    for layer in range(60):
        size = (size + 2 - 3) // (2 if layer % 12 == 11 else 1) + 1
    assert str(size) == "(H + 31)//32"


def test_pools_with_ceil_mode_stay_one_short_formula() -> None:
    size = H
    for _ in range(8):
        size = Dim.minimum((size - 1).ceildiv(2) + 1, (size + 1).ceildiv(2))
    for at in range(1, 700):
        expected = at
        for _ in range(8):
            expected = min(-(-(expected - 1) // 2) + 1, -(-(expected + 1) // 2))
        assert size.evaluate({"H": at}) == expected
    assert str(size) == "(H + 254)//256 + 1"
