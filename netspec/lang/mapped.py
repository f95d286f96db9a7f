"""`map`: layers that every place along an axis goes through, as if each were a sample of its own.

Nothing of a map is left in the graph but two ops: what enters is folded into the batch, what leaves is unfolded again.
Values of the outside are folded, or spread where they lack the axis, only where the layers inside use them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.ir.graph import Ref
from netspec.ir.op import Op
from netspec.lang.bind import span_of
from netspec.lang.inputs import Taken
from netspec.lang.layer import Layer
from netspec.lang.names import LETTER
from netspec.lang.place import Place
from netspec.lang.space import Made, Names, Space
from netspec.lang.tree import Mapping, Scalar, Sequence
from netspec.text import Span

if TYPE_CHECKING:
    from netspec.lang.body import Body

KEYS = ("axis", "where", "layers")


def mapped(body: Body, layer: Layer, path: str) -> tuple[Ref, ...] | None:
    """`map: {axis: slice, where: present, layers: [...]}`: the last value, with the axis behind the batch again."""
    parts = _parts(body, layer)
    if parts is None:
        return None
    axis, layers, place = parts
    taken = body.inputs.one(layer)
    mask = _mask(body, layer)
    if taken is None or mask is None:
        return None
    if taken[0] is None or (mask and mask[0][0] is None):
        return None
    fold = _Fold(body, layer, path, axis, place, taken, mask)
    entered = fold.fold("input", taken[0])
    inside = (
        path if len(body.space.naming.of(layer.item).names) == 1 or "repeat" in layer.wires else body.path
    )
    space = Space(
        Names(below=body.space.names, enter=fold.enter),
        body.space.naming,
        body.space.made,
        body.space.used,
    )
    inner = body.inner(space=space, path=inside).start(entered)
    inner.read(layers)
    for name in space.names.own:
        if name in body.space.naming.places and name not in body.space.names:
            body.space.names[name] = fold.leaving(name, space.names)
            body.weaver.named.pop(inner.within(name), None)
    if not inner.flowing:
        return ()
    out = fold.leave("y", inner.flow) if inner.flow is not None else None
    return None if out is None else (out,)


def _parts(body: Body, layer: Layer) -> tuple[str, Sequence, Span] | None:
    """The axis, the layers, and where the axis is written; None after an error."""
    node = layer.head.value
    axis = node.get("axis") if isinstance(node, Mapping) else None
    layers = node.get("layers") if isinstance(node, Mapping) else None
    good = isinstance(node, Mapping) and not set(node.keys()) - set(KEYS)
    if good and axis and layers and isinstance(axis.value, Scalar) and isinstance(layers.value, Sequence):
        known, value = body.values.read(axis.value)
        if known and isinstance(value, str) and layers.value.items:
            return value, layers.value, axis.value.span
        if not known:
            return None
    body.report.error(
        "NS154",
        "a map has an `axis` and `layers`, and may have a mask, `where`",
        layer.span,
        help="`map: {axis: slice, where: present, layers: [...]}`",
    )
    return None


def _mask(body: Body, layer: Layer) -> tuple[Taken, ...] | None:
    """The mask of the places that are there, if one is written; None after an error."""
    node = layer.head.value
    where = node.get("where") if isinstance(node, Mapping) else None
    if where is None:
        return ()
    taken = body.inputs.lookup(where.value)
    return None if taken is None else ((taken[0], span_of(where.value, where.key.span)),)


class _Fold:
    """The ways into a map and out of it."""

    def __init__(
        self,
        body: Body,
        layer: Layer,
        path: str,
        axis: str,
        place: Span,
        taken: Taken,
        mask: tuple[Taken, ...],
    ) -> None:
        self.weaver = body.weaver
        self.layer = layer
        self.path = path
        self.axis = axis
        self.place = place
        self.like = taken
        self.mask = mask
        self.rows = _rows(body, mask)
        self._entered: dict[Ref, Ref | None] = {}

    def enter(self, name: str, ref: Ref | None) -> Ref | None:
        """A value of the outside as the layers inside see it: without the axis; one that never had it, as it is."""
        if ref is None or not self.weaver.type_of(ref).batched:
            return ref
        if self.weaver.type_of(ref).find(self.axis) is not None:
            return self.fold(name, ref)
        return self._once("spread", name, ref, [(ref, None), self.like, *self.mask])

    def fold(self, name: str, ref: Ref) -> Ref | None:
        """A value that has the axis, with its places in the batch; refused where it has not."""
        span = self.like[1] if ref == self.like[0] else None
        return self._once("fold", name, ref, [(ref, span), *self.mask])

    def _once(self, op: str, name: str, ref: Ref, taken: list[Taken]) -> Ref | None:
        """The value that enters, made once however often and by whatever name it is used."""
        if ref not in self._entered:
            self._entered[ref] = self._apply(op, f"{op}_{name}", taken)
        return self._entered[ref]

    def leave(self, name: str, ref: Ref) -> Ref | None:
        """A value of the inside as the outside sees it: with the axis behind the batch."""
        if not self.weaver.type_of(ref).batched:
            return ref
        return self._apply("unfold", f"unfold_{name}", [(ref, None), self.like, *self.mask])

    def leaving(self, name: str, names: Names) -> Made:
        """What makes the outer value of a name of the inside when somebody first asks for it."""
        return lambda: None if (ref := names[name]) is None else self.leave(name, ref)

    def _apply(self, op: str, word: str, taken: list[Taken]) -> Ref | None:
        from netspec.ops.fold import Fold, Spread, Unfold  # noqa: PLC0415 - most specs have no map

        kind: type[Op] = {"fold": Fold, "spread": Spread, "unfold": Unfold}[op]
        arguments = {"axis": self.axis} | ({"rows": self.rows} if self.rows else {})
        place = Place(self.layer.span, {"axis": self.place}, [span for _, span in taken])
        refs = [ref for ref, _ in taken]
        made = self.weaver.apply(kind.model_validate(arguments), refs, f"{self.path}.{word}", place)
        return made[0] if made else None


def _rows(body: Body, mask: tuple[Taken, ...]) -> str:
    """The letter for how many places a mask lets through: the same for the same mask, and nobody else's."""
    if not mask or mask[0][0] is None:
        return ""
    ref, weaver = mask[0][0], body.weaver
    if ref not in weaver.rows:
        kinds = (*weaver.inputs.values(), *weaver.targets.values())
        taken = {letter for kind in kinds for size in kind.sizes for letter in size.symbols}
        taken |= set(weaver.rows.values())
        letters = ("M", *(f"M{number}" for number in range(1, 10_000)))
        weaver.rows[ref] = next(one for one in letters if one not in taken and LETTER.fullmatch(one))
    return weaver.rows[ref]
