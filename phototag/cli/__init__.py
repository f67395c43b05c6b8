"""The command line: options in, one room's work called, messages and an exit code out."""

import errno
import gc
import logging
import os
import signal
import sys
from contextlib import nullcontext, suppress
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Any

import click

import phototag
from phototag.cli.quiet import quiet_native, tells_no_interruption
from phototag.errors import DiskError, PhotoTagError
from phototag.settings import Settings, load_settings

_COMMANDS = {
    "train": "Learn your categories from folders of labelled photos.",
    "check": "Look for what is wrong with labelled photos.",
    "evaluate": "Measure a model on labelled photos.",
    "scan": "Tag the photos in a library and remember them.",
    "retag": "Tag the library anew with another model, decoding no photo.",
    "search": "Find photos by their tags and keywords.",
    "similar": "Find the photos that look like one.",
    "duplicates": "Find photos that are nearly the same, and the best of each.",
    "suggest": "Say which photos are worth labelling next.",
    "completion": "Print the script that lets a shell complete phototag's words.",
    "show": "Show all that is known of one photo.",
    "untag": "Take phototag's own words out of photos again.",
    "undo": "Take back what a run did to the photos.",
    "runs": "List what was done to the photos, run by run.",
    "tags": "List the words in the index, each with its count.",
    "watch": "Tag new photos as they arrive.",
    "stats": "Show the index in figures: photos, words, failures, scans.",
    "schedule": "Have the system start a scan every night.",
    "doctor": "Check that everything phototag needs works here.",
    "db": "Look after the index: check, back up, rebuild, export, import.",
    "models": "List the models that can be used, with their figures.",
    "export": "Write a model so that other programs can use it.",
}
COMPLETE_VARIABLE = "_PHOTOTAG_COMPLETE"
"""Set by a shell that asks what a word may become."""

_INTERRUPTED = 130
_READER_GONE = 141
"""What a shell says of a program that a closed pipe has ended, such as grep: 128 and the number of SIGPIPE."""

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO) if hasattr(errno, "EDQUOT") else (errno.ENOSPC, errno.EIO)


class _ReaderGoneError(Exception):
    """Whoever reads the results has seen enough: `phototag search dog | head -1`."""


class _Commands(click.Group):
    """Loads a command's module only when it runs, so that `--help` and `search` cost what they need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"phototag.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and see that all it printed is taken."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError as exc:  # of which click would make exit code 1: "nothing found"
            raise _ReaderGoneError from exc
        return code

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--index", type=click.Path(path_type=str), metavar="FILE|URL", help="The index to use.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="A configuration file of your own.")
@click.option("--debug", is_flag=True, help="Log in detail, and show where an error came from.")
@click.version_option(phototag.__version__, package_name="phototag")
@click.pass_context
def phototag_command(ctx: click.Context, index: str | None, config: Path | None, debug: bool) -> None:
    """Teach a computer your own photo categories; it tags your library without harming a photo.

    \b
    phototag scan ~/Pictures          tag a library with the built-in model
    phototag search dog               find the dogs
    phototag train ./labeled          learn your own categories, a folder each
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(tells_no_interruption)
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s" if debug else "phototag: %(message)s",
        handlers=[handler],
    )
    if not debug:  # their warnings are about our code, not about the user's photos
        for library in ("tensorflow", "absl"):
            logging.getLogger(library).setLevel(logging.ERROR)
    ctx.obj = {"config": config, "index": index}


def settings_of(ctx: click.Context, **options: Any) -> Settings:
    """The settings, with a command's own options on top."""
    return load_settings(**{**ctx.obj, **options})


def main() -> None:
    """Run the command line; the one place that turns errors into messages and exit codes."""
    _open_missing_streams()
    signal.signal(signal.SIGTERM, _terminate)
    if COMPLETE_VARIABLE in os.environ:
        import_module("phototag.cli.bash").register()
    debug = "--debug" in sys.argv
    with nullcontext() if debug else quiet_native():
        for stream in (sys.stdout, sys.stderr):  # a photo's name may hold any bytes
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        code = _run(debug=debug)
    gc.freeze()  # or Python looks for cycles in all that was imported as it ends, a tenth of a second for nothing
    sys.exit(code)


def _run(*, debug: bool) -> int:
    try:
        return int(phototag_command.main(standalone_mode=False, prog_name="phototag") or 0)
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("phototag: stopped; what was finished is kept", err=True)
        return _INTERRUPTED
    except PhotoTagError as exc:
        if debug:
            raise
        click.echo(f"phototag: {exc}", err=True)
        return exc.exit_code
    except _ReaderGoneError:
        _drop_output()
        return _READER_GONE
    except OSError as exc:
        if debug or exc.errno not in _UNWRITABLE:
            raise
        _drop_output()
        click.echo(f"phototag: nothing more can be written: {exc.strerror}", err=True)
        return DiskError.exit_code


def _open_missing_streams() -> None:
    """Give a process that was started with closed streams (`>&-`) null ones.

    Otherwise the next file to be opened, a photo perhaps, would get the number of one of them, and what C libraries
    print would go into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # each takes the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _drop_output() -> None:
    """What was printed and not taken goes nowhere, or Python would complain of it as it ends."""
    with suppress(OSError, ValueError), open(os.devnull, "w", encoding="utf-8") as null:
        os.dup2(null.fileno(), sys.stdout.fileno())


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
