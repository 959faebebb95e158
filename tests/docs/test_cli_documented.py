"""Every command of `polymeter` and every option it takes is described in our documents, and has a help text."""

from __future__ import annotations

from tests.docs.blocks import DOCUMENTS
from tests.interpreter import SRC


def commands_of_polymeter():
    """Give every command with the words that call it."""
    if not (SRC / "polymeter" / "cli" / "__init__.py").exists():
        return
    from polymeter.cli import main

    found = [("polymeter", main)]
    for words, command in found:
        yield words, command
        found += [(f"{words} {name}", inner) for name, inner in getattr(command, "commands", {}).items()]


def test_every_command_and_option_is_documented():
    documented = "\n".join(path.read_text("utf-8") for path in DOCUMENTS)
    missing = []
    for words, command in commands_of_polymeter():
        options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        missing += [f"{words} {option}" for option in sorted(options) if option not in documented]
        missing += [words] * (words not in documented)
    assert missing == []


def test_every_command_has_a_help_text():
    assert [words for words, command in commands_of_polymeter() if not command.help] == []
