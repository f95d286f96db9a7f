"""The command `netspec`: finds the subcommand, and turns every expected failure into words and an exit status.

Exit status 0: all is well. 1: the spec, or the data it names, is wrong. 2: the command line is. 70: netspec is.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from keyword import iskeyword

import click

from netspec import __version__
from netspec.text import SpecError

COMMANDS = {
    "new": "Write a commented spec to start from.",
    "validate": "Check specs and explain every mistake.",
    "explain": "Print the page of a message's code.",
    "fmt": "Put the text of specs in its canonical form.",
    "show": "Print the layers with their types, parameters and cost.",
    "diff": "Tell what changed from one spec to another.",
    "verify": "Prove the model, its gradients and its update against NumPy.",
    "conformance": "Hold every op and update rule, in every backend, to NumPy.",
    "compile": "Write the model as one Python file that needs PyTorch alone.",
    "import": "Turn an ONNX file or a module of torch into a spec.",
    "weights": "Tell what a spec can take over from a file of weights, or from a run.",
    "train": "Train the model on the data the spec names.",
    "bench": "Time a training step beside your own PyTorch, Lightning and Keras.",
    "evaluate": "Measure a trained run on one part of the data.",
    "export": "Write a model as ONNX, as a PyTorch program, or as weights with the spec inside.",
    "schema": "Write the JSON Schema by which an editor completes specs.",
    "phantom": "Write beating hearts of exactly known volume as DICOM files.",
}

FAULTS = "NETSPEC_TRACEBACK"
"""Set in the environment, this lets a fault of netspec itself end in Python's own words."""


class _Lazy(click.Group):
    """Imports a subcommand only when it is called, so that `validate` stays light."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order a person meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called `cmd_name`; a usage error with a suggestion where there is none."""
        if cmd_name not in COMMANDS:
            from netspec.text import nearest

            near = nearest(cmd_name, COMMANDS)
            hint = f" Did you mean `{near}`?" if near else ""
            raise click.UsageError(f"There is no command `{cmd_name}`.{hint}", ctx)
        called = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        module = importlib.import_module(f"netspec.cli.{called}")
        if cmd_name not in {"validate", "fmt"}:
            gc.enable()
        found: click.Command = getattr(module, called)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands for `--help`, without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="netspec")
def netspec() -> None:
    """Check, explain, verify and train a CNN written in one YAML file."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit status."""
    gc.disable()  # imports make no garbage, and looking for it costs `validate` a fifth of its time
    try:
        # Not `netspec.main`, which calls a reader that has gone a failure.
        with netspec.make_context(
            "netspec", sys.argv[1:] if arguments is None else list(arguments)
        ) as context:
            status = netspec.invoke(context)
    except click.exceptions.Exit as left:
        sys.exit(left.exit_code)
    except SpecError as trouble:
        _tell(trouble)
        sys.exit(1)
    except click.ClickException as trouble:
        trouble.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone (`netspec show … | head`): leave quietly, with nothing left to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (OSError, MemoryError) as trouble:
        why = getattr(trouble, "strerror", None) or "there is not enough memory"
        click.echo(f"error: {why[:1].lower()}{why[1:]}", err=True)
        sys.exit(1)
    except Exception as fault:
        if FAULTS in os.environ:
            raise
        click.echo(_fault(fault), err=True)
        sys.exit(70)
    finally:
        gc.freeze()  # the process ends: nothing that is left need be searched for garbage
        gc.enable()
    sys.exit(status if isinstance(status, int) else 0)


def _fault(fault: Exception) -> str:
    """What is said of a mistake in netspec itself: where it is, and none of the spec's or the data's own text."""
    import traceback
    from pathlib import PurePath

    from netspec.ir.foreign import blamed, told

    if theirs := blamed(fault):
        return (
            f"error: another package failed: {told(fault)} ({theirs})\n"
            f"  = help: tell its makers, and do without it until then; with {FAULTS}=1 in the environment, all that "
            "Python knows is printed"
        )
    frames = traceback.extract_tb(fault.__traceback__)
    place = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
    return (
        f"error: netspec itself failed ({type(fault).__name__} at {place}); the fault is not in your spec alone\n"
        f"  = help: please report it; with {FAULTS}=1 in the environment, all that Python knows is printed"
    )


def _tell(trouble: SpecError) -> None:
    """Print diagnostics for a person."""
    from netspec.text.render import render_all

    click.echo(
        render_all(trouble.diagnostics, color=sys.stderr.isatty() and "NO_COLOR" not in os.environ), err=True
    )
