"""The codes of all diagnostics, one table a room, each with the one line that the reference prints.

A code, once published, keeps its meaning. A test reads the whole tree and refuses a code that is used and not listed
here, or listed and not used.
"""

from __future__ import annotations

SYNTAX: dict[str, str] = {  # NS0: the YAML text itself
    "NS001": "The file cannot be opened.",
    "NS002": "The file is not UTF-8 text.",
    "NS003": "The file is too large to be a spec.",
    "NS004": "A character stands in the text that nobody can see.",
    "NS005": "The file is empty.",
    "NS006": "The top level of a spec is a mapping of sections.",
    "NS007": "A spec is one YAML document, without directives.",
    "NS008": "The text is not YAML.",
    "NS009": "A key is written twice.",
    "NS010": "A key is not a word.",
    "NS011": "YAML tags are not part of the language.",
    "NS012": "YAML anchors, aliases and merge keys are not part of the language.",
    "NS013": "A tab stands where YAML wants spaces.",
    "NS014": "The text is nested too deep.",
    "NS015": "A number is written in a way YAML 1.2 does not know.",
    "NS016": "A colon is missing after a key that has something under it.",
    "NS017": "A space is missing after a colon.",
    "NS018": "A ` #` makes a comment of the rest of a value.",
    "NS019": "A bracket or a quote is not closed, or a bracket inside `{...}` or `[...]` wants quotes.",
    "NS020": "A value begins with a character that YAML takes for itself.",
    "NS021": "Two operations stand in one layer; the second belongs inside the first.",
    "NS022": "A line is indented in a way that puts it nowhere.",
    "NS023": "A second `: ` stands in one value.",
    "NS024": "A comma is missing, or is one too many.",
    "NS025": "A backslash in double quotes begins an escape that does not exist.",
}

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
    "NS218": "the padding of a pool is more than half of its window",
    "NS219": "a window with gaps would see padding alone",
    "NS221": "`linear` of channels in space, which are flattened or pooled first",
    "NS222": "`linear` of a single number for each sample",
    "NS223": "a channel norm got an input without a channel axis",
    "NS225": "`flatten` of a single number for each sample",
    "NS226": "a new axis cannot have this name",
    "NS229": "`squeeze` of an axis that is longer than 1",
    "NS230": "a stretch along an axis is empty or goes past its end",
    "NS231": "a place along an axis does not exist",
    "NS232": "a difference of frames needs two frames",
    "NS233": "`unbind` of an axis whose size is free or too large",
    "NS234": "`concat` of values with different axes",
    "NS235": "`concat` of values whose other sizes differ",
    "NS236": "`concat` of different kinds of numbers",
    "NS294": "a metric compares a sample with a value of the whole split",
    "NS295": "a metric mixes samples in a way that cannot be accumulated",
    "NS250": "inputs that must agree element by element have different numbers of axes",
    "NS251": "inputs that must agree element by element differ in a size",
    "NS252": "inputs that must agree element by element differ in the name of an axis",
    "NS254": "an op has too few axes to work on",
    "NS253": "there is no axis of that name",
    "NS256": "an op would work across the batch",
    "NS255": "a range to rescale to, or from, is missing or is none",
    "NS258": "an axis is named twice",
    "NS259": "the axis `bin` is there already",
}

MEANING: dict[str, str] = {  # NS3: what the numbers mean: facts and units
    "NS300": "`sigmoid` of what lies in [0, 1] already",
    "NS301": "a softmax of what sums to one already",
    "NS302": "a softmax over an axis of size 1",
    "NS310": "whole numbers or a mask where floating numbers are needed",
    "NS311": "two units meet that are not the same",
    "NS312": "probabilities where `cross_entropy` wants logits",
    "NS313": "log-probabilities where `cross_entropy` wants logits",
    "NS314": "numbers that may leave [0, 1] where `bce` wants probabilities",
    "NS315": "probabilities where `bce_with_logits` wants logits",
    "NS316": "`nll` of what is not proved to be log-probabilities",
    "NS317": "scores for another number of classes than the target has",
    "NS318": "a target of classes that is not whole numbers",
    "NS319": "a distribution function is wanted, and this is none",
    "NS320": "a distribution function is wanted, and that this one never falls is not proved",
    "NS321": "values outside the bins",
    "NS322": "a single class",
    "NS323": "a function has no value at any of its inputs",
    "NS324": "a function may have no value at some of its inputs",
    "NS325": "a mask or something to compare is wanted, and this is none",
    "NS326": "limits that are missing or in the wrong order",
    "NS327": "a standard deviation that is not proved to be positive",
    "NS328": "the range of a target is not declared",
    "NS329": "a standard deviation that is never positive",
    "NS330": "a target outside [0, 1]",
    "NS331": "logits that are squeezed into [0, 1]",
    "NS332": "more highest scores than classes",
}

LINT: dict[str, str] = {}  # NS4: legal, and probably not what was wanted

DATA: dict[str, str] = {  # NS5: files, labels, splits, transforms
    "NS560": "A phantom cannot have this argument.",
    "NS561": "The folder holds something else than the phantom asked for.",
    "NS562": "The truth of a phantom cannot be read.",
    "NS563": "Files are missing from the phantom that is there.",
    "NS564": "The phantom cannot be written.",
}

TRAINING: dict[str, str] = {}  # NS6: the recipe and the run

MACHINE: dict[str, str] = {  # NS7: backends, extras and this machine
    "NS701": "there is no backend of that name",
    "NS702": "a package that an extra installs is missing",
    "NS703": "the device that was asked for is not there",
    "NS730": "the torch backend has no lowering for an op",
    "NS731": "a layer is shared in parts",
    "NS732": "a layer has the name of something every PyTorch module has",
    "NS733": "the torch backend has no such initialiser",
    "NS734": "an initialiser that needs fan-in on a parameter that has none",
    "NS735": "a lowering calls a support function that is not there",
    "NS736": "the backend found writes no source",
    "NS737": "the compiled file cannot be written",
    "NS738": "the torch backend has no such optimizer",
}

CODES: dict[str, str] = {**SYNTAX, **NAMES, **SHAPES, **MEANING, **LINT, **DATA, **TRAINING, **MACHINE}
