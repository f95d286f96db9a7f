"""The blocks of a spec as classes: what of a flat graph is written together, and what its uses have in common.

`outline` finds the uses, `unify` what differs between them and `copies` what repeats, `relation` says differences by
parameters, `template` makes one class of many uses, `classes` finds all of them, `code` writes them.
"""
