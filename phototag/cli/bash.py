"""What is typed so far into bash in, the words that it may become out: click's own way, but for bash's breaks.

Bash takes `is:untagged` and `--sort=date` for three words each, and of the last of them puts in what it is told. So the
line itself is read here, and of each word only the part behind bash's last break is told.
"""

import os

from click.shell_completion import BashComplete, CompletionItem, add_completion_class, split_arg_string

_SCRIPT = """\
%(complete_func)s() {
    local IFS=$'\\n' completion type value
    for completion in $(env COMP_TYPED="${COMP_LINE:0:$COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1"); do
        IFS=',' read -r type value <<< "$completion"
        if [[ $type == 'dir' ]]; then
            COMPREPLY=()
            compopt -o dirnames
        elif [[ $type == 'file' ]]; then
            COMPREPLY=()
            compopt -o default
        else
            COMPREPLY+=("$value")
            if [[ $value == *: ]]; then compopt -o nospace; fi
        fi
    done
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""
_CURSOR = "\ue000"
"""Stands where the cursor is, so that a word of no characters is one; nobody types it."""


class _Bash(BashComplete):
    source_template = _SCRIPT
    _before = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is being typed, without the command, and that one."""
        typed = os.environ.get("COMP_TYPED", "")
        _, *words, last = ["", *split_arg_string(typed + _CURSOR)]
        self._before = told_already(typed, os.environ.get("COMP_BREAKS", ""))
        return words[1:], last.removesuffix(_CURSOR)

    def format_completion(self, item: CompletionItem[str]) -> str:
        """A line of which bash puts in what stands behind the comma."""
        value = item.value
        if value.casefold().startswith(self._before.casefold()):
            value = value[len(self._before) :]
        return f"{item.type},{value}"


def told_already(typed: str, breaks: str) -> str:
    """The beginning of the last word, up to bash's last break: bash lets it stand."""
    quote, begin, end, at = "", 0, 0, 0
    while at < len(typed):
        character = typed[at]
        if character == "\\" and quote != "'":
            at += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character.isspace():
            begin = end = at + 1
        elif character in ":=" and character in breaks:
            end = at + 1
        at += 1
    return "".join(split_arg_string(typed[begin:end]))


def register() -> None:
    """Let click complete for bash so."""
    add_completion_class(_Bash, "bash")
