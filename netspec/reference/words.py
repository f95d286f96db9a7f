"""What the words of the language say that are no record: sections, wires, keys of types, structure."""

from __future__ import annotations

SECTIONS: dict[str, str] = {
    "netspec": "The version of the language, `1`.",
    "name": "What the model is called: runs and folders are named so.",
    "doc": "A sentence about the model.",
    "extends": "The spec, or specs, that this one changes.",
    "include": "Files whose blocks are used here, each under a name: `heart: blocks/heart.yaml`.",
    "define": "Constants: numbers, words, lists. `$name` uses one; `--set name=value` gives it another value.",
    "inputs": "What the network gets: names and types. The batch is implicit.",
    "targets": "What the loss compares with: names and types. Layers never see them.",
    "blocks": "Layers under a name, with parameters, to be used like an op.",
    "layers": "The network, from top to bottom.",
    "outputs": "The values that the model returns; without it, the last one.",
    "init": "How parameters start, by op: `conv: {weight: kaiming_normal}`.",
    "loss": "A formula, or names with a formula each, whose sum is minimised.",
    "metrics": "Names with a formula each, over a whole part of the data as if it were one batch.",
    "aggregate": "What all samples of one patient give together.",
    "data": "Where samples come from and what is done to them.",
    "training": "How weights are found.",
    "lint": "Which warnings are silenced, each with its reason, and how rules are set.",
}

WIRES: dict[str, str] = {
    "name": "What the value is called from here on; a list for an op with several results.",
    "from": "Which value it takes, or a list of them; without it the value before, which is called `_`.",
    "when": "A condition on constants and sizes; where it is false the layer is not there.",
    "repeat": "How many copies stand in series, or a table with `columns` of arguments and `rows` of their values.",
    "init": "How its parameters start: `weight: zeros`.",
    "freeze": "`true`, or the names of what does not learn: `weight`, `bias`, `statistics`.",
    "as": "A claim about the result, refused where it contradicts what is derived: `kind`, `unit`, `range`.",
}

TYPE: dict[str, str] = {
    "shape": "The sizes of one sample, in a list or by the names of their axes. A capital letter is a free size.",
    "kind": "What the numbers are.",
    "unit": "The unit of the numbers.",
    "range": "The least and the greatest value that may come.",
    "classes": "How many classes there are, or their names.",
}

STRUCTURE: dict[str, str] = {
    "layers": "A group of layers, which can be wired, repeated and left out as one.",
    "residual": "The layers' result plus what went in, through the layers of `shortcut` if there are any.",
    "branches": "Several bodies that all take the same value; their results are used by name later.",
    "map": "The same layers for every place along an axis; places where the mask `where` is 0 are not computed.",
    "reuse": "A named layer or block again, with the same weights.",
    "formula": "A value computed from named ones: `volume * exp(shift)`.",
}

BLOCK: dict[str, str] = {
    "doc": "A sentence about the block.",
    "inputs": "The names of what the block takes; `[x]` without it.",
    "params": "Parameters: a type (`int`), a default (`1`), or a type with its default.",
    "layers": "The layers of the block.",
    "outputs": "The values that the block gives; without it, the last one.",
}

DATA: dict[str, str] = {
    "source": "Where samples come from.",
    "fields": "The source's fields by the spec's names; those that are not named keep their own.",
    "split": "How samples are divided into training, validation and test.",
    "transforms": "What is done to samples, in this order.",
    "pad": "Axes that are filled up to the longest sample of a batch, each with the mask that says so.",
    "cache": "`auto` keeps prepared samples, `none` does not.",
    "workers": "How many threads read, or `auto`.",
}

PARAMETER_TYPES = ("int", "float", "bool", "word", "axis", "size", "list", "layer", "layers")
"""What a parameter of a block can be."""

LINT = {
    "ignore": "Codes of warnings, each with the reason why it is silenced.",
    "rules": "Rules that are set otherwise than by default, by name.",
}
