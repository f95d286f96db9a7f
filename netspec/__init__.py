"""netspec: a CNN, its loss, its data and its training in one YAML file, read as a compiler reads a program."""

__version__ = "0.1.0"
