"""The codes of all diagnostics, one table a room, each with the one line that the reference prints.

A code, once published, keeps its meaning. A test reads the whole tree and refuses a code that is used and not listed
here, or listed and not used.
"""

from __future__ import annotations

SYNTAX: dict[str, str] = {}  # NS0: the YAML text itself

NAMES: dict[str, str] = {}  # NS1: names, keys and structure of the document

SHAPES: dict[str, str] = {  # NS2: sizes and axes
    "NS210": "an op that slides windows got an input without a channel axis or without space",
    "NS211": "a window is larger than the input it slides over",
    "NS212": "a list of sizes does not match the number of spatial axes",
    "NS213": "groups do not divide the channels",
    "NS214": "`padding: same` with a stride",
    "NS215": "the first axis of a convolution's input is not `channel`",
    "NS216": "a size that weights depend on is free",
    "NS217": "a size is too small",
}

MEANING: dict[str, str] = {}  # NS3: what the numbers mean: facts and units

LINT: dict[str, str] = {}  # NS4: legal, and probably not what was wanted

DATA: dict[str, str] = {}  # NS5: files, labels, splits, transforms

TRAINING: dict[str, str] = {}  # NS6: the recipe and the run

MACHINE: dict[str, str] = {}  # NS7: backends, extras and this machine

CODES: dict[str, str] = {**SYNTAX, **NAMES, **SHAPES, **MEANING, **LINT, **DATA, **TRAINING, **MACHINE}
