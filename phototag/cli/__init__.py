"""The command line: options in, one room's work called, messages and an exit code out."""

import gc
import logging
import signal
import sys
from contextlib import nullcontext
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Any

import click

import phototag
from phototag.cli.quiet import quiet_native, tells_no_interruption
from phototag.errors import PhotoTagError
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
_INTERRUPTED = 130


class _Commands(click.Group):
    """Loads a command's module only when it runs, so that `--help` and `search` cost what they need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"phototag.cli.{cmd_name}").command
        return command

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
    signal.signal(signal.SIGTERM, _terminate)
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


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
