"""Modules as strangers write them, read and held to themselves: values, gradients, numbers of parameters, names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import nn
from torch.utils import _pytree as tree

from netspec.recover.sketch import Reading
from netspec.text import SpecError
from netspec_torch.recover import read_module
from tests.backends.torch.recover import strangers, unreadable
from tests.backends.torch.recover.built import built

ROUNDING = 64 * torch.finfo(torch.float32).eps
"""Where a value is computed in another order: attention with dropout, formulas for what PyTorch has kernels of.

No sum there is over more than 64 numbers, and each term is rounded once; values and slopes are of order one.
"""

OTHER_ORDER = {"attention", "attention of places first", "attention by hand", "odds and ends"}

UNUSED = {"u-net that interpolates", "u-net that interpolates, of any size", "u-net that pads, of any size"}
UNUSED |= {"u-net that doubles"}
"""Modules that make layers and never call them."""


@pytest.fixture(scope="module", params=strangers.KNOWN)
def case(request: pytest.FixtureRequest) -> tuple[str, nn.Module, Reading, list[torch.Tensor]]:
    """A module, what was read of it, and inputs."""
    make, shapes = strangers.KNOWN[request.param]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        module = make()
        inputs = [torch.randn(3, *_sizes(shape)) for shape in shapes]
    return request.param, module, read_module(module, shapes), inputs


def _sizes(shape: Sequence[int | str]) -> list[int]:
    return [{"H": 32, "W": 48}[one] if isinstance(one, str) else one for one in shape]


def _values(module: nn.Module, inputs: Sequence[torch.Tensor], *, training: bool) -> list[torch.Tensor]:
    """All outputs, drawn by chance the same way."""
    module.train(training)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return [one for one in tree.tree_leaves(module(*inputs)) if isinstance(one, torch.Tensor)]


def _slopes(
    module: nn.Module, inputs: Sequence[torch.Tensor]
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The gradients of inputs, and the magnitudes of those of parameters, whatever they are called."""
    given = [one.clone().requires_grad_() for one in inputs]
    module.zero_grad()
    sum(one.square().sum() for one in _values(module, given, training=True)).backward()  # type: ignore[union-attr]
    own = [one.grad.abs().sum() for one in module.parameters() if one.grad is not None]
    return [one.grad for one in given if one.grad is not None], sorted(own, key=float)


def test_everything_is_read(case: tuple[str, nn.Module, Reading, list[torch.Tensor]]) -> None:
    _, _, reading, _ = case
    assert reading.sketch.refusals == ()
    assert reading.sketch.notes == ()


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_its_values_are_those_of_the_module(
    case: tuple[str, nn.Module, Reading, list[torch.Tensor]], training: bool
) -> None:
    name, module, reading, inputs = case
    ours, theirs = (_values(one, inputs, training=training) for one in (built(reading.sketch), module))
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        tolerance = ROUNDING if name in OTHER_ORDER else 0
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def test_its_gradients_are_those_of_the_module(
    case: tuple[str, nn.Module, Reading, list[torch.Tensor]],
) -> None:
    _, module, reading, inputs = case
    ours, theirs = (_slopes(one, inputs) for one in (built(reading.sketch), module))
    for mine, other in zip(ours, theirs, strict=True):
        assert len(mine) == len(other)
        for a, b in zip(mine, other, strict=True):
            scale = float(b.abs().max()) * ROUNDING
            torch.testing.assert_close(a, b, rtol=ROUNDING, atol=scale)


def test_it_learns_as_many_numbers(case: tuple[str, nn.Module, Reading, list[torch.Tensor]]) -> None:
    name, module, reading, _ = case
    used = {id(one): one for one in module.parameters() if name not in UNUSED or one.grad is not None}
    ours = sum(one.numel() for one in built(reading.sketch).parameters() if one.requires_grad)
    if name in UNUSED:
        assert ours < sum(one.numel() for one in module.parameters())
    else:
        assert ours == sum(one.numel() for one in used.values())


def test_layers_have_the_names_of_the_module(
    case: tuple[str, nn.Module, Reading, list[torch.Tensor]],
) -> None:
    _, module, reading, _ = case
    paths = dict(module.named_modules(remove_duplicate=False))
    for step in reading.sketch.steps:
        assert step.name in paths or any(name == step.name for name, _ in module.named_parameters())
        if step.op in {"conv", "linear", "batch_norm", "layer_norm", "group_norm", "prelu"}:
            assert [*dict(paths[step.name].named_parameters(recurse=False))][:1] == ["weight"]


def test_the_module_is_what_the_sketch_is_held_to(
    case: tuple[str, nn.Module, Reading, list[torch.Tensor]],
) -> None:
    word, module, reading, inputs = case
    mode = module.training
    tolerance = (
        ROUNDING if word in OTHER_ORDER else 0
    )  # PyTorch has a quicker way where nobody asks for slopes
    given = {name: one.numpy() for name, one in zip(reading.sketch.inputs, inputs, strict=True)}
    found = reading.source.run(given)
    assert module.training is mode
    for name, value in zip(reading.sketch.outputs, _values(module, inputs, training=False), strict=True):
        torch.testing.assert_close(
            torch.from_numpy(found[name].copy()), value, rtol=tolerance, atol=tolerance
        )
    steps = {value for step in reading.sketch.steps for value in step.outputs}
    assert len(found.keys() & steps) > len(steps) // 3


# ------------------------------------------------------------------------------------------------------------- refusals


def test_what_has_no_words_is_listed_with_its_places_all_at_once() -> None:
    sketch = read_module(unreadable.Dangling(), [(3, 8, 8)]).sketch
    told = {one.op: one for one in sketch.refusals}
    assert {"grid_sampler", "fft_fft2", "einsum"} <= told.keys()
    assert "unreadable.py:" in told["einsum"].place


def test_a_module_whose_numbers_decide_is_told_with_its_line() -> None:
    with pytest.raises(SpecError) as raised:
        read_module(unreadable.Decided(), [(3, 8, 8)])
    assert raised.value.diagnostics[0].code == "NS782"
    assert "unreadable.py:" in str(raised.value)
    assert "if x.sum() > 0" in str(raised.value)


def test_a_module_for_one_batch_alone_is_refused() -> None:
    with pytest.raises(SpecError, match="NS784"):
        read_module(unreadable.Counted(), [(3, 4)])


def test_frames_that_become_samples_are_refused_with_both_shapes() -> None:
    (refusal,) = (
        one for one in read_module(unreadable.Merged(), [(4, 3, 8, 8)]).sketch.refusals if one.op == "reshape"
    )
    assert "[N, 4, 3, 8, 8]" in refusal.why


class InPlaceOfAView(nn.Module):
    """What a view sees is changed, and read by its other name."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        y[:, 0].relu_()
        return y


class InPlace(nn.Module):
    """The old name means the new numbers."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        F_relu = torch.relu_
        F_relu(y)
        return y + x


def test_what_was_changed_in_place_is_read_by_all_its_names() -> None:
    x = torch.randn(2, 3, 4, 4)
    module = InPlace()
    torch.testing.assert_close(built(read_module(module, [(3, 4, 4)]).sketch)(x), module(x), rtol=0, atol=0)


def test_a_view_that_is_changed_in_place_is_refused() -> None:
    sketch = read_module(InPlaceOfAView(), [(3, 4, 4)]).sketch
    assert any("view" in one.why for one in sketch.refusals)


class OnlyWhenItPredicts(nn.Module):
    """Probabilities in evaluation, logits in training."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.fc(x)
        return y if self.training else y.softmax(1)


def test_a_module_that_trains_otherwise_is_read_as_it_predicts_and_that_is_said() -> None:
    sketch = read_module(OnlyWhenItPredicts(), [(4,)]).sketch
    assert [one.op for one in sketch.steps] == ["linear", "softmax"]
    assert "in training" in sketch.notes[0]


class WithHelp(nn.Module):
    """A second head in training."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(4, 8)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(8, 3)
        self.helper = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        x = self.drop(torch.relu(self.trunk(x)))
        return (self.head(x), self.helper(x)) if self.training else self.head(x)


def test_a_head_of_training_alone_is_left_out_and_that_is_said() -> None:
    sketch = read_module(WithHelp(), [(4,)]).sketch
    assert [one.name for one in sketch.steps] == ["trunk", "", "drop", "head"]
    assert "in training alone" in sketch.notes[0]


def test_shapes_that_are_too_many_or_too_few_are_refused() -> None:
    for shapes in ([], [(4,), (4,)]):
        with pytest.raises(SpecError, match="NS783"):
            read_module(WithHelp(), shapes)


class Recomputed(nn.Module):
    """What learns is not the weight, but what the weight is computed from."""

    def __init__(self) -> None:
        super().__init__()
        self.raw = nn.Parameter(torch.randn(3, 4))
        self.gate = nn.Parameter(torch.randn(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, self.raw.tanh()) * self.gate.sigmoid()


def test_a_weight_that_is_computed_from_what_learns_is_refused_with_its_name() -> None:
    told = [one.why for one in read_module(Recomputed(), [(4,)]).sketch.refusals]
    assert any("parametrizations" in one for one in told)
    assert any("`gate`" in one for one in told)


class Cropped(nn.Module):
    """Two sides cut off to the size of another value, or one alone."""

    def __init__(self, *, both: bool) -> None:
        super().__init__()
        self.both = both
        self.small = nn.Conv2d(2, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.small(x)
        if self.both:
            return x[:, :, : y.shape[2], : y.shape[3]] + y
        return x[:, :, : y.shape[2]].mean(3) + y.mean(3)


def test_a_crop_to_the_size_of_another_value_is_one_layer() -> None:
    sketch = read_module(Cropped(both=True), [(2, "H", "W")]).sketch
    assert [one.op for one in sketch.steps] == ["conv", "crop_like", "add"]
    assert read_module(Cropped(both=False), [(2, "H", "W")]).sketch.refusals


@pytest.mark.parametrize(
    "make, code",
    [
        (lambda: nn.LazyLinear(3), "NS781"),
        (lambda: nn.Linear(4, 3, dtype=torch.float64), "NS781"),
        (lambda: nn.Linear(4, 3, device="meta"), "NS781"),
        (lambda: torch.jit.script(nn.Linear(4, 3)), "NS782"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_module_that_cannot_be_read_is_told_without_a_traceback(
    make: Callable[[], nn.Module], code: str
) -> None:
    with pytest.raises(SpecError, match=code):
        read_module(make(), [(4,)])


def test_weights_that_are_normed_while_it_runs_are_refused_and_not_a_crash() -> None:
    normed = nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3))
    assert read_module(normed, [(3, 8, 8)]).sketch.refusals


def test_of_frozen_layers_only_what_is_frozen_is_written_so() -> None:
    module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    module[:2].requires_grad_(requires_grad=False)
    assert [one.frozen for one in read_module(module, [(4,)]).sketch.steps] == [
        True,
        ("weight", "bias"),
        False,
    ]


def test_shapes_that_do_not_fit_are_told_without_a_place_inside_pytorch() -> None:
    with pytest.raises(SpecError) as raised:
        read_module(nn.Linear(3, 4), [(5,)])
    told = str(raised.value)
    assert "NS782" in told
    assert "give the shapes that the module takes" in told
    assert "(at " not in told
    assert "File" not in told
