"""The page of lint: every rule with what it finds, why that is doubtful, what to do instead, and what can be set."""

from __future__ import annotations

import inspect
import re

from netspec.passes.lint import rules
from netspec.passes.lint.rule import Rule
from netspec.reference.described import arguments, first_sentence
from netspec.reference.markdown import MADE, argument_table, table

DOOR = """# Lint

What is legal and hardly meant. A rule gives a warning and never an error, so a spec that validated still does when
rules are added. It judges a spec that has no errors. The defaults let the networks of the literature pass.

A doubt that does not hold is silenced by its code, with the reason; a rule is set by its name. `netspec explain NS403`
shows an example of each.

```yaml
lint:
  ignore: {NS403: the published weights have these biases}
  rules: {heavy_layer: {share: 0.8}, receptive_field: {object: 40}}
```

"""


def lint_page() -> str:
    """Every rule, in the order of their codes."""
    kinds = sorted(rules().values(), key=lambda one: one.code)
    rows = ([f"[`{one.name}`](#{one.name})", f"`{one.code}`", first_sentence(one)] for one in kinds)
    return (
        MADE
        + DOOR
        + table(["rule", "code", "what it finds"], rows)
        + "\n"
        + "\n".join(map(rule_section, kinds))
    )


def rule_section(kind: type[Rule]) -> str:
    """All that is told of one rule."""
    text = re.sub(r"^(Why|Instead):", r"**\1:**", inspect.cleandoc(kind.__doc__ or ""), flags=re.MULTILINE)
    parts = [f"## {kind.name}", f"`{kind.code}`. {text}"]
    if told := arguments(kind):
        parts.append(argument_table(told))
    return "\n\n".join(parts) + "\n"
