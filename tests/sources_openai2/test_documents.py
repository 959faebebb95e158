"""The examples of the documents about these sources run, and print what the document says."""

from __future__ import annotations

import pytest

from tests.docs.blocks import blocks_for, shows
from tests.docs.running import examples_in, results_of, shown_in

BLOCKS = blocks_for("openai2")
EXAMPLES = examples_in(BLOCKS)
SHOWN = shown_in(BLOCKS)
NOT_OURS = ("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.mark.parametrize("block", [block for block in EXAMPLES if block.runs], ids=str)
def test_the_example_runs(block):
    error = results_of(block.document, *NOT_OURS)[block.line]["error"]
    assert error is None, error


@pytest.mark.parametrize(("example", "shown"), SHOWN, ids=[str(shown) for _, shown in SHOWN])
def test_the_example_prints_what_is_shown(example, shown):
    printed = results_of(example.document, *NOT_OURS)[example.line]["output"]
    assert shows(shown.text, printed), f"{shown} shows\n{shown.text}\nbut {example} prints\n{printed}"
