"""Every Python example in our documents runs, and prints what the document says.

The examples of a document are one program: run in order, in one fresh process, warnings being errors.
"""

from __future__ import annotations

import pytest

from tests.docs.blocks import BLOCKS, shows
from tests.docs.running import examples_in, results_of, shown_in

EXAMPLES = examples_in(BLOCKS)
SHOWN = shown_in(BLOCKS)


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_the_example_runs(block):
    compile(block.text, str(block), "exec")
    if block.runs:
        error = results_of(block.document)[block.line]["error"]
        assert error is None, error


@pytest.mark.parametrize(("example", "shown"), SHOWN, ids=[str(shown) for _, shown in SHOWN])
def test_the_example_prints_what_is_shown(example, shown):
    assert example.document == shown.document
    assert example.language == "python", "an output block follows the example that prints it"
    printed = results_of(example.document)[example.line]["output"]
    assert shows(shown.text, printed), f"{shown} shows\n{shown.text}\nbut {example} prints\n{printed}"
