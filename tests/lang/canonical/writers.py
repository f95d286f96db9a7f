"""Random specs as many hands would write them: every style of YAML, comments anywhere, any indentation."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

KEYS = (
    "layers", "residual", "branches", "shortcut", "map", "blocks", "conv", "relu", "batch_norm", "name", "from", "when",
    "repeat", "init", "freeze", "as", "columns", "rows", "params", "a", "b", "width", "stage", "weight", "netspec",
    "inputs", "loss", "data", "training", "x.y",
)  # fmt: skip
EITHER = (
    "relu", "1", "0.5", "1e-4", "-0.01", "true", "null", "~", ".inf", "$width", "$4 * width", "2 mm", "a.b", "_",
    '"relu"', "'conv'", '"$width"', '"yes"', '"1"', '"mean(a, axis=b)"', "'a, b'", "'it''s'", '"a: b"', '"a # b"',
    '""', "''", '"a\\nb"', '"\\u00e9 \\" x"', "'x \"y\"'", '"{a}"', '"- a"', "größe", '"null"', '"a\\\\b"', "a#b",
    '"2 %"', '"0x1F"', "'2026-01-01'", '"not"', '"f(x"', "http://a/b", "cummax(mean(cdf))", "a   b",
)  # fmt: skip
BLOCK = ("mean(cdf, axis=sample)", "$max(1, c // 16)", "a{b", "x, y", "f(a)[0]", "a, [b]")
LINES = (
    ["|", "one", "", "  two"], ["|-", "one "], [">", "one", "two", "", "three", "  four"], ["|+", "one", "", ""],
    [">-", "a", "b"], ["| # said", "one"], ["a +", "b"], ["a", "", "b"], ['"a', 'b c"'], ["'a", "", "b'"],
    ['"a\\', '  b"'], ["|", "# no comment"],
)  # fmt: skip
REMARKS = ("# c", "#d", "# a: b", "#", "# - x", "# [")


@st.composite
def specs(draw: Callable[[st.SearchStrategy[object]], object]) -> str:
    """The text of a whole file; most, not all, are good YAML."""
    hand = _Hand(draw)
    lines = hand.remarks(0) if hand.toss() else []
    if hand.toss(8):
        lines.append("---")
    lines += hand.mapping(0, 0)
    if hand.toss(4):
        lines += hand.remarks(0)
    return "\n".join(lines) + ("\n" if hand.toss() else "")


class _Hand:
    def __init__(self, draw: Callable[[st.SearchStrategy[object]], object]) -> None:
        self.draw = draw

    def toss(self, sides: int = 2) -> bool:
        return self.number(1, sides) == 1

    def number(self, low: int, high: int) -> int:
        found = self.draw(st.integers(low, high))
        assert isinstance(found, int)
        return found

    def one(self, words: tuple[str, ...]) -> str:
        return str(self.draw(st.sampled_from(words)))

    def keys(self) -> list[str]:
        found = self.draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
        assert isinstance(found, list)
        return [f'"{key}"' if self.toss(8) else str(key) for key in found]

    def remarks(self, indent: int) -> list[str]:
        lines = []
        for _ in range(self.number(1, 2)):
            lines += [""] * self.number(0, 2)
            column = indent if self.toss() else self.number(0, indent + 4)
            lines.append(" " * column + self.one(REMARKS))
        return lines + [""] * self.number(0, 1)

    def beside(self, line: str) -> str:
        return line + " " * self.number(1, 4) + self.one(REMARKS) if self.toss(5) else line

    def mapping(self, indent: int, depth: int) -> list[str]:
        lines: list[str] = []
        for key in self.keys():
            if self.toss(5):
                lines += self.remarks(indent)
            lines += self.value(
                " " * indent + key + (" :" if self.toss(20) else ":"), indent, depth, key=True
            )
        return lines

    def sequence(self, indent: int, depth: int) -> list[str]:
        lines: list[str] = []
        for _ in range(self.number(1, 3)):
            if self.toss(5):
                lines += self.remarks(indent)
            lines += self.value(" " * indent + "-", indent, depth, key=False)
        return lines

    def value(self, head: str, indent: int, depth: int, *, key: bool) -> list[str]:
        kind = self.number(0, 9)
        if kind == 0:
            return [self.beside(head)]
        if kind == 1:
            first, *rest = LINES[self.number(0, len(LINES) - 1)]
            deeper = " " * (indent + self.number(1, 4))
            return [f"{head} {first}", *(deeper + line if line else "" for line in rest)]
        if kind in {2, 3} and depth < 4:
            deep = indent + self.number(1, 4)
            return [self.beside(head), *self.mapping(deep, depth + 1)]
        if kind in {4, 5} and depth < 4:
            deep = indent + self.number(0 if key else 1, 4)
            return [self.beside(head), *self.sequence(deep, depth + 1)]
        if kind == 6 and depth < 4 and not key:
            gap = self.number(1, 3)
            first, *rest = self.mapping(indent + 1 + gap, depth + 1)
            if first.strip().startswith("#") or not first.strip():
                return [head, first, *rest]
            return [head + " " * gap + first.strip(), *rest]
        if kind in {7, 8}:
            first, *rest = self.flow(depth, indent + 1)
            return [f"{head}{' ' * self.number(1, 3)}{first}", *rest[:-1], *map(self.beside, rest[-1:])]
        text = self.one(EITHER + BLOCK)
        if self.toss(6):
            return [
                self.beside(head),
                *(self.remarks(indent) if self.toss(3) else []),
                " " * (indent + 2) + text,
            ]
        return [self.beside(f"{head}{' ' * self.number(1, 3)}{text}")]

    def flow(self, depth: int, indent: int) -> list[str]:
        """Brackets, on one line or many."""
        mapping = self.toss()
        pieces: list[list[str]] = []
        for key in self.keys() if self.toss(8) is False else []:
            inner = self.flow(depth + 1, indent) if self.toss(4) and depth < 4 else [self.one(EITHER)]
            if mapping and self.toss(5):
                pieces.append([key])
            elif mapping or self.toss(4):
                pieces.append([f"{key}: {inner[0]}", *inner[1:]])
            else:
                pieces.append(inner)
        lines = ["{" if mapping else "["]
        spread = self.toss(4)
        for at, last in enumerate(pieces):
            piece = [*last[:-1], last[-1] + ("," if at < len(pieces) - 1 else "")]
            if spread and self.toss():
                lines[-1] = self.beside(lines[-1])
                lines += self.remarks(indent) if self.toss(5) else []
                lines.append(" " * (indent + self.number(0, 3)) + piece[0])
            else:
                lines[-1] += ("" if lines[-1].endswith(("{", "[")) else " ") + piece[0]
            lines += piece[1:]
        if spread and self.toss():
            lines.append(" " * indent)
        lines[-1] += "}" if mapping else "]"
        return lines
