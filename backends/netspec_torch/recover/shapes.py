"""Rules of the order and number of axes, of what only copies, and of sizes.

A tensor that is turned stays as it is in the sketch until an op wants its axes in order.
"""

from __future__ import annotations

from typing import Any

from netspec.ir.dim import Dim
from netspec.recover.draft import Unsaid
from netspec_torch.recover.held import Held, Level, Noise, Owned, Size
from netspec_torch.recover.reading import Call, reads
from netspec_torch.recover.views import squeezed


@reads("aten.permute")
def permute(call: Call) -> Held:
    """The axes in another order."""
    held = call.held("self")
    return Held(held.value, tuple(held.dims[i] for i in call["dims"]))


@reads("aten.transpose", "aten.swapaxes", "aten.swapdims", "aten.t", "aten.numpy_T")
def transpose(call: Call) -> Held:
    """Two axes exchanged."""
    held = call.held("self")
    dims = list(held.dims)
    a, b = call.get("dim0", call.get("axis0", 0)), call.get("dim1", call.get("axis1", 1))
    dims[a], dims[b] = dims[b], dims[a]
    return Held(held.value, tuple(dims))


@reads("aten.movedim")
def movedim(call: Call) -> Held:
    """Some axes at other places."""
    held = call.held("self")
    rank = len(held.dims)
    source = [
        one % rank for one in (call["source"] if isinstance(call["source"], list) else [call["source"]])
    ]
    target = call["destination"] if isinstance(call["destination"], list) else [call["destination"]]
    order = [i for i in range(rank) if i not in source]
    for place, one in sorted((to % rank, one) for to, one in zip(target, source, strict=True)):
        order.insert(place, one)
    return Held(held.value, tuple(held.dims[i] for i in order))


@reads("aten.unsqueeze")
def unsqueeze(call: Call) -> Held:
    """A new axis of size 1, which the value need not have."""
    held = call.held("self")
    place = call["dim"] % (len(held.dims) + 1)
    return Held(held.value, (*held.dims[:place], None, *held.dims[place:]))


@reads("aten.squeeze")
def squeeze(call: Call) -> Held:
    """Without axes of size 1."""
    held = call.held("self")
    rank = len(held.dims)
    given = call.get("dim")
    places = (
        range(1, rank)
        if given is None
        else [one % rank for one in (given if isinstance(given, list) else [given])]
    )
    gone = [i for i in places if call.draw.size(held, i).hint == 1]
    if 0 in gone:
        raise Unsaid("it drops the axis of samples")
    axes = [axis for i in gone if (axis := held.dims[i]) is not None]
    rest = tuple(axis for i, axis in enumerate(held.dims) if i not in gone)
    return squeezed(call, Held(held.value, rest), axes)


@reads(
    "aten.contiguous", "aten.clone", "aten.alias", "aten.lift_fresh_copy", "aten.positive", "aten.view_copy"
)
def same(call: Call) -> Any:
    """The same tensor."""
    return call["self"]


@reads("aten.detach")
def detach(call: Call) -> Any:
    """A value that no gradient goes through has no words, what the module holds is not asked for one."""
    if isinstance(call["self"], Held):
        raise Unsaid("it keeps gradients from what made its input, and netspec always gives them")
    return call["self"]


@reads("aten.to", "aten._to_copy", "aten.type_as")
def to(call: Call) -> Any:
    """Another type of number; between floating ones a spec has but one."""
    source = call["self"]
    kind = call.get("dtype")
    if not isinstance(source, Held):
        return source
    value = call.node.meta["val"]
    is_float = kind is None or value.dtype.is_floating_point
    if call.draw.type(source.value).dtype == "float32" and is_float:
        return source
    if call.draw.type(source.value).dtype == "bool" and is_float:
        one, zero = call.draw.plain(1.0), call.draw.plain(0.0)
        return Held(call.draw.one("where", {}, (source.value, one, zero)), source.dims)
    raise Unsaid("it makes another type of number of it")


@reads("aten.expand", "aten.expand_as")
def expand(call: Call) -> Any:
    """Spread over axes of size 1: nothing to do before arithmetic, which spreads by itself."""
    source = call["self"]
    if isinstance(source, Noise):
        return source
    held = call.held("self")
    for user in call.users():
        name = getattr(user.target, "_opname", "")
        if name not in {"add", "sub", "mul", "div", "add_", "mul_", "where"}:
            raise Unsaid("it repeats what it has along an axis")
    rank = len(call.shape)
    return Held(held.value, (None,) * (rank - len(held.dims)) + held.dims)


@reads(
    "aten.zeros_like", "aten.ones_like", "aten.full_like", "aten.new_zeros", "aten.new_ones", "aten.new_full"
)
@reads(
    "aten.zeros",
    "aten.ones",
    "aten.full",
    "aten.new_empty",
    "aten.empty",
    "aten.empty_like",
    "aten.scalar_tensor",
)
def level(call: Call) -> Level:
    """One number everywhere."""
    word = call.name.removesuffix("_like").removeprefix("new_")
    number = {"zeros": 0.0, "ones": 1.0, "empty": 0.0}.get(word)
    if number is None:
        number = float(call.get("fill_value", call.get("s", 0.0)))
    shape = call.get("size")
    if shape is None and isinstance(call.get("self"), Held):
        shape = [call.draw.size(call.held("self"), i) for i in range(len(call.held("self").dims))]
    return Level(
        number, tuple(one if isinstance(one, Size) else Size(Dim.of(one), one) for one in shape or ())
    )


@reads("aten.sym_size")
def sym_size(call: Call) -> Size | int:
    """The size of an axis."""
    source = call["self"]
    if isinstance(source, Held):
        return call.draw.size(source, int(call["dim"]))
    if isinstance(source, Owned):
        return int(source.tensor.shape[call["dim"]])
    if isinstance(source, Level):
        return source.shape[int(call["dim"])]
    raise Unsaid("the size of what has none")


@reads(*(f"python.{name}" for name in ("mul", "add", "sub", "floordiv", "neg", "mod", "truediv", "pow")))
@reads(
    "python._operator.mul",
    "python.sym_max",
    "python.sym_min",
    "python.sym_not",
    "python.sym_float",
    "python.sym_ite",
)
def arithmetic(call: Call) -> Any:
    """Arithmetic of sizes."""
    given = [one if isinstance(one, Size) else Size(Dim.of(one), one) for one in call.arguments.values()
             if isinstance(one, (Size, int))]  # fmt: skip
    if len(given) != len(call.arguments):
        raise Unsaid("it computes with a size what netspec does not")
    if call.name == "neg":
        return Size(-1 * given[0].dim, -given[0].hint)
    a, b = given
    try:
        made = {
            "mul": lambda: a.dim * b.dim, "add": lambda: a.dim + b.dim, "sub": lambda: a.dim - b.dim,
            "floordiv": lambda: a.dim // b.dim,
        }[call.name]()  # fmt: skip
        hint = {"mul": a.hint * b.hint, "add": a.hint + b.hint, "sub": a.hint - b.hint,
                "floordiv": a.hint // (b.hint or 1)}[call.name]  # fmt: skip
    except (KeyError, ValueError, TypeError) as trouble:
        raise Unsaid("it computes with a size what netspec does not") from trouble
    return Size(made, hint)


@reads(*(f"python.{name}" for name in ("ge", "le", "eq", "ne", "lt", "gt", "and_", "or_", "not_")))
def checked(call: Call) -> None:
    """A check of sizes, which netspec's own rules make again."""
    del call


@reads("python.getitem")
def getitem(call: Call) -> Any:
    """One of several results."""
    return call["0"][call["1"]]
