"""Parts to lines: what fits a line in brackets, what is spread over several, and where comments go."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.lang.canonical.brackets import bracketed, wanted
from netspec.lang.canonical.columns import aligned, table
from netspec.lang.canonical.lines import (
    Above,
    Line,
    Written,
    ends_blank,
    finished,
    lowered,
    move_header,
    raised,
    separate,
)
from netspec.lang.canonical.parts import Branch, Part
from netspec.lang.canonical.places import Place, ordered, place_in
from netspec.lang.canonical.words import LONGEST_KEY, as_block, on_lines, on_one_line
from netspec.lang.tree import Scalar, Style
from netspec.text.render import WIDEST

STEP = 2
"""Columns of one level of indentation."""

SHORT = 80
"""Columns up to which a layer that was spread over lines is put in braces. From here to `WIDEST`, the columns that a
message shows of a line without cutting it, a layer stays as it was written; wider ones are opened."""


class Unwritable(Exception):
    """A key that no canonical form has; `key` is it."""

    def __init__(self, key: Scalar) -> None:
        super().__init__(key)
        self.key = key


class Layout:
    """Lays out one spec; `sections` is the order of the sections at its top."""

    def __init__(self, sections: Sequence[str]) -> None:
        self.sections = sections
        self._texts: dict[int, str | None] = {}

    def lines(self, root: Branch) -> list[str]:
        """All lines of the file. Raises Unwritable. Header comments move with the top: `root` is used up by this."""
        if not root.parts:
            return ["{}", *(remark.text for remark in root.below)]
        move_header(root.parts, ordered(root, Place.SPEC, self.sections))
        above, lines = self._block(root, Place.SPEC, 0)
        return [text for line in (*raised(above, 0, first=True), *lines) for text in line.written()]

    def _block(self, branch: Branch, place: Place, indent: int) -> tuple[Above, list[Line]]:
        """What stands above the first part, and the lines of all, one part below another."""
        parts = ordered(branch, place, self.sections)
        done = self._table(branch, indent) or [self._part(part, place, indent) for part in parts]
        if branch.mapping and place is not Place.LAYER:
            self._align(parts, done, place, indent)
        if place is Place.SPEC:
            separate(branch.parts, parts, done)
        lines = list(done[0].lines)
        for one in done[1:]:
            lines += raised(one.above, indent, first=ends_blank(lines))
            lines += one.lines
        lines += lowered(branch.below, indent, first=ends_blank(lines))
        return done[0].above, lines

    def _part(self, part: Part, place: Place, indent: int, pad: int = 0) -> Written:
        """One entry or item with its comments; `pad` is how many more spaces stand before its value."""
        prefix = " " * indent + (f"{_key(part.key)}:" if part.key else "-")
        gap = " " * (1 + pad)
        if isinstance(part.value, Scalar):
            return _scalar(part, part.value, prefix, gap, indent + STEP)
        inside = place_in(place, part)
        text = self._brackets(part.value, inside) if wanted(part.value, inside) else None
        most = WIDEST if part.value.flow else SHORT
        if text is not None and len(prefix) + len(gap) + len(text) <= most:
            return finished(part, [Line(prefix + gap + text)])
        if text is not None and (filled := _filled(part.value, prefix, indent + STEP)):
            return finished(part, filled, carrier=len(filled) - 1)
        above, lines = self._block(part.value, inside, indent + STEP)
        if part.key is None:
            lines[0].text = f"{prefix} {lines[0].text[indent + STEP :]}"
            return finished(part, lines, inner=above)
        return finished(part, [Line(prefix), *raised(above, indent + STEP, first=True), *lines])

    def _brackets(self, branch: Branch, place: Place) -> str | None:
        """As `bracketed`, computed once."""
        if id(branch) not in self._texts:
            self._texts[id(branch)] = bracketed(branch, place)
        return self._texts[id(branch)]

    def _table(self, branch: Branch, indent: int) -> list[Written] | None:
        """The rows of a table whose columns were aligned; None where the list is none."""
        rows = None if branch.mapping else table(branch)
        if rows is None or indent + STEP + max(map(len, rows)) > WIDEST:
            return None
        prefix = " " * indent + "- "
        return [finished(part, [Line(prefix + row)]) for part, row in zip(branch.parts, rows, strict=True)]

    def _align(self, parts: Sequence[Part], done: list[Written], place: Place, indent: int) -> None:
        """Put values in one column again where they stood in one: in each run of lines with nothing between."""
        run: list[int] = []
        for at, part in enumerate(parts):
            single = len(done[at].lines) == 1 and not part.empty
            if run and (not single or done[at].above):
                self._align_run(run, parts, done, place, indent)
                run = []
            if single:
                run.append(at)
        self._align_run(run, parts, done, place, indent)

    def _align_run(
        self, run: list[int], parts: Sequence[Part], done: list[Written], place: Place, indent: int
    ) -> None:
        if not aligned([parts[at] for at in run]):
            return
        lengths = [len(_key(key)) for at in run if (key := parts[at].key)]
        longest = max(lengths)
        again = [
            self._part(parts[at], place, indent, longest - length)
            for at, length in zip(run, lengths, strict=True)
        ]
        if all(len(one.lines) == 1 for one in again):
            for at, one in zip(run, again, strict=True):
                done[at] = one


def _key(key: Scalar) -> str:
    text = on_one_line(key, flow=False, key=True)
    if text is None or len(text) > LONGEST_KEY:
        raise Unwritable(key)
    return text


def _scalar(part: Part, value: Scalar, prefix: str, gap: str, indent: int) -> Written:
    """A part without parts: on one line, unless its writer spread it and it does not fit one."""
    if part.empty:
        return finished(part, [Line(prefix)])
    text = on_one_line(value, flow=False)
    one_line = "\n" not in value.span.text or (
        text is not None and len(prefix) + len(gap) + len(text) <= WIDEST
    )
    if text is not None and one_line:
        return finished(part, [Line(prefix + gap + text)])
    margin = " " * indent
    if value.style is Style.BLOCK:
        header, lines = as_block(value)
        body = [Line(margin + line if line else "", exact=True) for line in lines]
        return finished(part, [Line(f"{prefix} {header}", most=1), *body])
    first, *rest = on_lines(value)
    spread = [Line(f"{prefix} {first}", most=0)]
    spread += [Line(margin + line if line else "", exact=True) for line in rest]
    return finished(part, spread, carrier=len(rest))


def _filled(branch: Branch, prefix: str, indent: int) -> list[Line] | None:
    """A long list of values in brackets, as many on each line as fit; None where it has parts of its own."""
    texts = []
    for part in branch.parts:
        text = on_one_line(part.value, flow=True) if isinstance(part.value, Scalar) else None
        if branch.mapping or not branch.flow or text is None:
            return None
        texts.append(text)
    lines, line = [], f"{prefix} ["
    for at, text in enumerate(texts):
        piece = text + ("]" if at == len(texts) - 1 else ",")
        if len(line) + 1 + len(piece) > WIDEST:
            lines.append(Line(line, most=0))
            line = " " * indent + piece
        else:
            line += piece if line.endswith("[") else f" {piece}"
    return [*lines, Line(line)]
