"""The house rules hold: style, types, who imports whom, and documents that say what is so."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from phototag.cli import phototag_command

_TOP = Path(__file__).parents[1]
_README = (_TOP / "README.md").read_text(encoding="utf-8")
_DOCS = _README + "".join(path.read_text(encoding="utf-8") for path in sorted((_TOP / "docs").glob("*.md")))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["ruff", "check", "."], id="ruff check"),
        pytest.param(["ruff", "format", "--check", "."], id="ruff format"),
        pytest.param(["mypy"], id="mypy strict"),
        pytest.param(["lint-imports", "--no-cache"], id="import contracts"),
    ],
)
def test_the_code_keeps(command: list[str]) -> None:
    tool = Path(sys.executable).with_name(command[0])
    run = subprocess.run([tool, *command[1:]], cwd=_TOP, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def _commands() -> list[tuple[str, click.Command]]:
    context = click.Context(phototag_command)
    names = phototag_command.list_commands(context)
    commands = [(name, phototag_command.get_command(context, name)) for name in names]
    found = [("phototag", phototag_command), *((name, command) for name, command in commands if command)]
    for name, group in found[1:]:
        if isinstance(group, click.Group):
            below = [(f"{name} {sub}", group.get_command(context, sub)) for sub in group.list_commands(context)]
            found += [(name, command) for name, command in below if command]
    return found


@pytest.mark.parametrize(("name", "command"), [pytest.param(n, c, id=n) for n, c in _commands()])
def test_every_command_and_option_has_help_and_a_line_in_the_docs(name: str, command: click.Command) -> None:
    assert command.help
    assert f"`phototag {name}" in _DOCS or name == "phototag"
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{name} {option.opts}"
            assert f"`{option.opts[0]}" in _DOCS, f"{name} {option.opts[0]} is not in docs/"


def test_ci_runs_exactly_the_test_command_of_the_readme() -> None:
    commands = re.findall(r"^python3 -m venv .*$", _README, re.MULTILINE)
    assert len(commands) == 2, "one command that runs the main job, one that runs the tests"
    assert commands[1] in (_TOP / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_every_dependency_is_weighed() -> None:
    import tomllib

    project = tomllib.loads((_TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    weighed = (_TOP / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for requirement in project["dependencies"] + project["optional-dependencies"]["dev"]:
        name = re.split(r"[^\w-]", requirement)[0]
        assert f"| {name} |" in weighed, f"{name} has no line in docs/dependencies.md"


def test_every_shipped_file_stays_small() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=_TOP, capture_output=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    sizes = {name: (_TOP / name).stat().st_size for name in tracked.stdout.decode().split("\0") if name}
    assert not {name: size for name, size in sizes.items() if size > 20_000_000}
