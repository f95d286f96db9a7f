"""The digits of scikit-learn, as samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netspec.data.samples import open_samples
from netspec.ir.facts import Facts
from netspec.ir.types import tensor
from netspec.recipe.data import DataRecipe
from netspec.recipe.source import Digits
from netspec.recipe.split import Split
from netspec.text import SpecError

LABEL = tensor("int64", batch="N", facts=Facts(0, 9, classes=10))
RECIPE = DataRecipe(Digits(), {"x": "image"}, Split(by="sample", train=0.8, validation=0.2, seed=1))


def test_the_digits_are_real_images_with_their_labels(tmp_path: Path) -> None:
    x = tensor(batch="N", channel=1, height=8, width=8, facts=Facts(0, 16))
    samples = open_samples(RECIPE, tmp_path, declared={"x": x, "label": LABEL})
    assert samples.fields["x"].shape == (1797, 1, 8, 8)
    assert (samples.fields["x"].min(), samples.fields["x"].max()) == (0, 16)
    assert np.bincount(samples.fields["label"]).min() == 174
    assert [len(part) for part in samples.splits.values()] == [1438, 359, 0]
    means = [samples.fields["x"][samples.fields["label"] == digit].mean(axis=0) for digit in (0, 1)]
    assert means[0][0, 4, 4] < 2  # a nought is empty in the middle
    assert means[1][0, 4, 4] > 10


def test_plain_pixels_have_no_channel(tmp_path: Path) -> None:
    recipe = DataRecipe(Digits(), {}, RECIPE.split)
    pixels = tensor(batch="N", height=8, width=8)
    samples = open_samples(recipe, tmp_path, declared={"pixels": pixels, "label": LABEL})
    assert samples.fields["pixels"].shape == (1797, 8, 8)


def test_a_declaration_that_does_not_fit_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    x = tensor(batch="N", channel=1, height=9, width=8, facts=Facts(0, 16))
    with pytest.raises(SpecError, match=r"NS503.*height 9, and the data gives 8"):
        open_samples(RECIPE, tmp_path, declared={"x": x, "label": LABEL})


def test_a_missing_package_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    with pytest.raises(SpecError) as caught:
        open_samples(RECIPE, tmp_path, declared={"label": LABEL})
    assert "NS501" in str(caught.value)
    with pytest.raises(SpecError) as caught:
        open_samples(DataRecipe(Digits(), {}, RECIPE.split), tmp_path, declared={"label": LABEL})
    (one,) = caught.value.diagnostics
    assert (one.code, one.help) == ("NS534", "pip install 'netspec-compiler[digits]'")
