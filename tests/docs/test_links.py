"""Every link from one of our documents to another leads somewhere."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import DOCUMENTS, FENCE
from tests.interpreter import ROOT

LINK = re.compile(r"(?:\]\(|^\[[^\]]+\]: *|(?:href|src)=\")(?P<target>[^)\s\"]+)", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z]+:")


def prose_of(path):
    """Give a document without its fenced blocks and code spans, where brackets mean something else."""
    kept = []
    inside = None
    for line in path.read_text("utf-8").splitlines():
        fence = FENCE.match(line)
        if inside:
            inside = None if fence and fence["ticks"] == inside else inside
        elif fence:
            inside = fence["ticks"]
        else:
            kept.append(re.sub(r"`[^`]*`", lambda code: code[0].replace("](", "]_("), line))
    return "\n".join(kept)


def anchors_of(path):
    """Give what a link to a heading of ``path`` may name: lower case, hyphens for spaces, no punctuation."""
    headings = re.findall(r"^#{1,6} +(.+?) *$", prose_of(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_every_relative_link_resolves(path):
    broken = []
    for target in [found["target"] for found in LINK.finditer(prose_of(path))]:
        if ELSEWHERE.match(target):
            continue
        name, _, anchor = target.partition("#")
        linked = (path.parent / name) if name else path
        if not linked.exists() or (anchor and linked.suffix == ".md" and anchor not in anchors_of(linked)):
            broken.append(target)
    assert broken == []
