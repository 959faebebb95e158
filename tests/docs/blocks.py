"""The fenced blocks of our documents, and what is asked of each.

A comment on the line before a fence says what to do with it:

- ``<!-- run: no: REASON -->``: an example is only compiled, a command not run. The reason is for who edits it.
- ``<!-- check: output -->``: on a ``text`` block: it is what the example before it printed. On a ``console`` block: its
  commands print what it shows. ``...`` stands for anything.
"""

from __future__ import annotations

import doctest
import re
import textwrap
from dataclasses import dataclass

from tests.interpreter import ROOT

DOCUMENTS = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if path.name != "CHANGELOG.md")

ELSEWHERE = {"docs/litellm.md": "openai2", "docs/instructor.md": "openai2"}
"""Documents whose examples need an environment of tools/sdks.toml, and which: its tests run them."""

FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>```+)(?P<language>[\w+-]*)[^`]*$")
COMMENT = re.compile(r"^ *<!-- *(?P<about>run|check): *(?P<answer>.*?) *-->$")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    :ivar document: its path, relative to the repository.
    :ivar line: the number of its first line of text.
    :ivar runs: whether it is to be run.
    :ivar checks_output: whether it shows what is printed.
    """

    document: str
    line: int
    language: str
    text: str
    runs: bool
    checks_output: bool

    def __str__(self):
        """Give where it starts, as an editor takes it."""
        return f"{self.document}:{self.line}"


def blocks_of(path):
    """Give the blocks of the document ``path``, in order.

    :raises ValueError: for a comment that is not one of the two, or a fence that is never closed.
    """
    document = str(path.relative_to(ROOT))
    lines = path.read_text("utf-8").splitlines()
    comment = None
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if opening := FENCE.match(line):
            closing = re.compile(rf"^ *{opening['ticks']}`*\s*$")
            end = next((at for at in range(number, len(lines)) if closing.match(lines[at])), None)
            if end is None:
                message = f"{document}:{number}: this fence is never closed"
                raise ValueError(message)
            text = textwrap.dedent("\n".join(lines[number:end])) + "\n"
            yield Block(document, number + 1, opening["language"], text, *asked(comment, f"{document}:{number}"))
            number = end + 1
            comment = None
        elif line.strip():
            comment = COMMENT.match(line)


def asked(comment, place):
    """Give whether to run, and whether to check the output, as the ``comment`` before a fence asks."""
    if comment is None:
        return True, False
    if comment["about"] == "run" and re.fullmatch(r"no: .+", comment["answer"]):
        return False, False
    if comment["about"] == "check" and comment["answer"] == "output":
        return True, True
    message = f"{place}: {comment[0].strip()!r} is neither '<!-- run: no: REASON -->' nor '<!-- check: output -->'"
    raise ValueError(message)


def shows(shown, printed):
    """Tell whether a document that shows ``shown`` is right about ``printed``."""
    return doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS)


def blocks_for(environment=None):
    """Give the blocks of all documents that are run in one environment; that of all tests has no name."""
    return [block for path in DOCUMENTS for block in blocks_of(path) if ELSEWHERE.get(block.document) == environment]


BLOCKS = blocks_for()
