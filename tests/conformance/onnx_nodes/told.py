"""What the page of conformance says of ONNX's node tests."""

from __future__ import annotations

from collections import Counter

from netspec.reference.markdown import table
from tests.conformance.onnx_nodes.listed import reason
from tests.conformance.onnx_nodes.node import names
from tests.conformance.onnx_nodes.table import FAMILIES_OF_ONNX, RELEVANT

TOLD = """Of the {} cases of one node that the package `onnx` 1.22 has for ops of CNNs, {} are run, and both backends
give what ONNX expects. The others are listed by name, each with its reason.
"""


def told() -> str:
    """How many cases of each family are run in both backends, and how many are not, by their reason."""
    cases = {name: op for name, op in names().items() if op in RELEVANT}
    rows = []
    for family, ops in FAMILIES_OF_ONNX.items():
        of = [name for name, op in cases.items() if op in ops.split()]
        rows.append([family, str(len(of)), str(sum(reason(name) is None for name in of))])
    run = sum(reason(name) is None for name in cases)
    why = Counter(found for name in cases if (found := reason(name)))
    said = TOLD.format(len(cases), run)
    others = table(
        ["why a case is not run", "cases"], ([one, str(count)] for one, count in why.most_common())
    )
    return "\n".join([said, table(["family", "cases", "run"], rows), others])
