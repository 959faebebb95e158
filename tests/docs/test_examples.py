"""Every Python example in our documents runs, and prints what the document says.

The examples of a document are one program: run in order, in one fresh process, warnings being errors.
"""

from __future__ import annotations

import functools
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.docs.blocks import BLOCKS, shows
from tests.interpreter import ROOT

RUNNER = Path(__file__).with_name("run_blocks.py")
SECONDS = 90

EXAMPLES = [block for block in BLOCKS if block.language == "python"]
SHOWN = [
    (before, block)
    for before, block in itertools.pairwise(BLOCKS)
    if block.checks_output and block.language != "console"
]


@functools.cache
def results_of(document):
    """Run the examples of ``document`` and give what became of each, by line."""
    blocks = [block for block in EXAMPLES if block.document == document and block.runs]
    given = json.dumps([{"document": str(ROOT / document), "line": b.line, "text": b.text} for b in blocks])
    with tempfile.TemporaryDirectory() as folder:  # whatever an example writes is gone afterwards
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-P", "-W", "error", RUNNER, answer]
        ended = subprocess.run(
            command, input=given, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        results = json.loads(answer.read_text("utf-8")) if answer.exists() else []
    if ended.returncode and results and not results[-1]["error"]:
        results[-1]["error"] = f"at its end the program exited with {ended.returncode}:\n{ended.stderr}"
    not_run = {"output": "", "error": f"not run: an example before it failed\n{ended.stderr}"}
    results += [not_run] * (len(blocks) - len(results))
    return {block.line: result for block, result in zip(blocks, results, strict=True)}


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
