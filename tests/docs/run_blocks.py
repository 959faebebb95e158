"""Run the examples of one document in order, as one program, and tell how each went.

Reads from standard input a JSON list of ``{"document", "line", "text"}`` and writes to the file named by the argument
a JSON list of ``{"output", "error"}``. Stops at the first that fails. Run in a fresh interpreter by test_examples.py.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import threading
import traceback
import types
from pathlib import Path


def main() -> None:
    unseen = []  # what fails in a thread or a finaliser is printed, and nobody would know
    threading.excepthook = lambda failed: unseen.append(text_of(failed))
    sys.unraisablehook = lambda failed: unseen.append(text_of(failed))
    blocks = json.load(sys.stdin)
    module = types.ModuleType("__main__")  # where classes and type hints of the examples are looked up
    sys.modules["__main__"] = module
    results = []
    for block in blocks:
        printed = io.StringIO()
        error = None
        code = "\n" * (block["line"] - 1) + block["text"]  # so that a traceback shows the document's own lines
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(code, block["document"], "exec"), module.__dict__)  # noqa: S102 - what this file is for
        except BaseException:  # noqa: BLE001 - sys.exit() in an example is a failure as well
            error = traceback.format_exc()
        error = error or "\n".join(unseen) or None
        results.append({"output": printed.getvalue(), "error": error})
        Path(sys.argv[1]).write_text(json.dumps(results), "utf-8")
        if error:
            break


def text_of(failed) -> str:
    return "".join(traceback.format_exception(failed.exc_type, failed.exc_value, failed.exc_traceback))


main()
