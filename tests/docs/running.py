"""Run the Python examples of a document, as one program in a fresh process, warnings being errors."""

from __future__ import annotations

import functools
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.docs.blocks import blocks_of
from tests.interpreter import ROOT

RUNNER = Path(__file__).with_name("run_blocks.py")
SECONDS = 90


def examples_in(blocks):
    return [block for block in blocks if block.language == "python"]


def shown_in(blocks):
    """Give each output block that is to be checked, after the block before it."""
    pairs = itertools.pairwise(blocks)
    return [(before, block) for before, block in pairs if block.checks_output and block.language != "console"]


@functools.cache
def results_of(document, *warnings):
    """Run the examples of ``document`` and give what became of each, by line.

    :param warnings: what to do with some of them, as after ``-W``.
    """
    blocks = [block for block in examples_in(blocks_of(ROOT / document)) if block.runs]
    given = json.dumps([{"document": str(ROOT / document), "line": b.line, "text": b.text} for b in blocks])
    with tempfile.TemporaryDirectory() as folder:  # whatever an example writes is gone afterwards
        answer = Path(folder) / "answer.json"
        filters = [word for each in ("error", *warnings) for word in ("-W", each)]
        command = [sys.executable, "-P", *filters, RUNNER, answer]
        ended = subprocess.run(
            command, input=given, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        results = json.loads(answer.read_text("utf-8")) if answer.exists() else []
    if ended.returncode and results and not results[-1]["error"]:
        results[-1]["error"] = f"at its end the program exited with {ended.returncode}:\n{ended.stderr}"
    not_run = {"output": "", "error": f"not run: an example before it failed\n{ended.stderr}"}
    results += [not_run] * (len(blocks) - len(results))
    return {block.line: result for block, result in zip(blocks, results, strict=True)}
