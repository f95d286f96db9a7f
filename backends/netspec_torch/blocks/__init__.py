"""The blocks of a spec as classes: what of a flat graph is written together, and what its uses have in common.

`outline` finds the uses, as `items`; `unify` what differs between them, `copies` what repeats, with `slots` where
they do. `uniting` makes one `template` of many uses, `settling` its parameters by `relation` and `condition`. `classes`
finds all of them, and `code` writes them.
"""
