"""`phototag db`: what is done to the index itself, one subcommand each."""

from importlib import import_module

import click

_COMMANDS = {
    "info": ("care", "Say what the index holds."),
    "check": ("care", "Look for damage in the index."),
    "vacuum": ("care", "Make the index's file as small as it can be."),
    "backup": ("care", "Copy the index, also while a scan is at work."),
    "rebuild": ("rebuild", "Make a new index from what the photos hold."),
    "export": ("moving", "Write what the index knows as JSON lines or CSV."),
    "import": ("moving", "Take over keywords from another program's catalogue."),
}


class _Commands(click.Group):
    """Loads a subcommand's module only when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"phototag.cli.db.{_COMMANDS[cmd_name][0]}")
        found: click.Command = getattr(module, "import_" if cmd_name == "import" else cmd_name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in _COMMANDS.items()])


@click.group("db", cls=_Commands, short_help="Look after the index: check, back up, rebuild, export, import.")
def command() -> None:
    """Look after the index itself: what is in it, whether it is whole, copies of it, what goes out and comes in."""
