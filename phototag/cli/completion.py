"""`phototag completion`: a shell's name in, the script that lets it complete commands, options and tags out."""

import click
from click.shell_completion import get_completion_class

from phototag.cli import COMPLETE_VARIABLE
from phototag.cli.bash import register


@click.command("completion", short_help="Print the script that lets a shell complete phototag's words.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, /, *, shell: str) -> None:
    """Print the script that lets a shell complete commands, options and, after `phototag search`, your tags.

    \b
    bash    echo 'eval "$(phototag completion bash)"' >> ~/.bashrc
    zsh     echo 'eval "$(phototag completion zsh)"' >> ~/.zshrc
    fish    phototag completion fish > ~/.config/fish/completions/phototag.fish
    """
    register()
    kind = get_completion_class(shell)
    assert kind is not None
    print(kind(ctx.find_root().command, {}, "phototag", COMPLETE_VARIABLE).source())
