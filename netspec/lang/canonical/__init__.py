"""The canonical form of a spec: one way to lay out a text, its comments and its writer's blank lines kept.

`canonical` gives it. Nothing is understood here but where layers stand, so that a spec with mistakes can be put in
order as well; a text that is no YAML cannot.
"""

from __future__ import annotations

from netspec.lang.canonical.layout import Layout, Unwritable
from netspec.lang.canonical.parts import Branch, grow
from netspec.lang.canonical.places import Place, ordered, place_in
from netspec.lang.tree import Scalar
from netspec.lang.yaml import read
from netspec.text import Diagnostic, Severity, Source, SpecError

__all__ = ["canonical", "same"]


def canonical(source: Source) -> str:
    r"""The text of a spec in its canonical form, with `\n` as its line ends and one at its end.

    The tree is the same but for the order of sections and of what stands beside an op, and so are the comments; a
    second time changes nothing. Raises SpecError where the text is not good YAML, with all that is wrong with it, and
    NS740 where it is and has no canonical form.
    """
    from netspec.lang.document import SECTIONS  # noqa: PLC0415 - the order stands where the sections are read

    text = source.text.replace("\r\n", "\n")
    before = Source(source.name, text)
    root, found, comments = read(before)
    if root is None or any(one.severity is Severity.ERROR for one in found):
        raise SpecError(found)
    tree = grow(root, comments)
    try:
        lines = Layout(SECTIONS).lines(tree)
    except Unwritable as trouble:
        broken = "\n" in trouble.key.text or "\n" in str(trouble.key.value)
        raise SpecError.of(
            "NS740",
            f"the canonical form has no place for a key of {'several lines' if broken else 'this length'}",
            help="write it on one line" if broken else "shorten it",
            span=trouble.key.span,
        ) from None
    written = "\n".join(lines) + "\n"
    after = Source(source.name, written)
    new, told, kept = read(after)
    failed = any(one.severity is Severity.ERROR for one in told)
    if new is None or failed or not same(tree, grow(new, ()), SECTIONS):
        raise _refusal(before)
    if sorted(one.span.text for one in comments) != sorted(one.span.text for one in kept):
        raise _refusal(before)
    return written


def same(one: Branch, other: Branch, sections: tuple[str, ...]) -> bool:
    """Whether two trees say the same, the canonical order of sections and wires aside."""
    pairs = [(one, other, Place.SPEC)]
    while pairs:
        left, right, place = pairs.pop()
        first, second = ordered(left, place, sections), ordered(right, place, sections)
        if left.mapping != right.mapping or len(first) != len(second):
            return False
        for a, b in zip(first, second, strict=True):
            if a.name != b.name or isinstance(a.value, Scalar) is not isinstance(b.value, Scalar):
                return False
            if isinstance(a.value, Scalar) and isinstance(b.value, Scalar):
                if _meaning(a.value) != _meaning(b.value):
                    return False
            elif isinstance(a.value, Branch) and isinstance(b.value, Branch):
                pairs.append((a.value, b.value, place_in(place, a)))
    return True


def _meaning(scalar: Scalar) -> tuple[str, str]:
    """What counts of a scalar: its kind and value. Quotes do not: `$` computes with them as without."""
    return type(scalar.value).__name__, repr(scalar.value)


def _refusal(source: Source) -> SpecError:
    message = f"no canonical form of `{source.name}` was found that says the same; the file is as it was"
    return SpecError([Diagnostic("NS740", Severity.ERROR, message, source.span(0, 0))])
