"""Arguments that say the same wherever they stand. An argument with a meaning of its own is told in its record."""

from __future__ import annotations

ARGUMENTS: dict[str, str] = {
    "axis": "The axis, or the axes, that it works along, by name.",
    "bias": "Whether a learned number is added to every output.",
    "bins": "How many bins there are: they stand at 0, 1, ..., `bins - 1`.",
    "broadcast": "Whether axes of size 1 spread over those of the other input; without it sizes must be equal.",
    "dilation": "The distance between the places that a window looks at, 1 being neighbours.",
    "end": "The factor at the end.",
    "eps": "A small number added before a division or a root, so that neither meets 0.",
    "gain": "A factor of the width of the distribution.",
    "gamma": "The factor of every step down.",
    "groups": "Into how many groups the channels are divided; a filter sees those of its own group.",
    "height": "The height in pixels.",
    "kernel_size": "The size of the window: one number for every axis of space, or a list with one for each.",
    "lr": "The learning rate, which the schedule's factor multiplies.",
    "max": "The upper limit.",
    "min": "The lower limit.",
    "momentum": "The part that stays of what was: of the buffer for an optimizer.",
    "nonlinearity": "What follows the layer, which decides the gain.",
    "out_channels": "How many channels the result has: the number of filters.",
    "out_features": "How many numbers the result has along its last axis.",
    "padding": "How much is added on both sides of every axis of space: one number, or a list with one for each.",
    "reduction": "What becomes of the single values: their `mean`, their `sum`, or `none`, which keeps one a sample.",
    "seed": "Where random numbers begin; the same seed gives the same ones.",
    "start": "Where it begins.",
    "std": "The standard deviation.",
    "stop": "Where it ends; that place is no longer part of it.",
    "stride": "How far the window moves: one number for every axis of space, or a list with one for each.",
    "weight_decay": "How much of the weights is added to the gradient, which draws them towards 0.",
    "width": "The width in pixels.",
}
