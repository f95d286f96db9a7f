"""Which training step is faster: a spec's, a person's own PyTorch, Lightning's, Keras'; each in a process of its own.

`race` is the way in. It starts a `worker` for every contender, has them step in turn, and makes `figures` of the times.
"""
