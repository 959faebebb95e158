"""Pools of processes, as docs/processes.md has them: the program that started them sees what all have counted."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise

import pytest

from polymeter.registries.shared.program import program
from tests.processes.recipes import BLOCKS, lay_out

SHOWN = next(after.text for block, after in pairwise(BLOCKS) if block.text.startswith("# batch.py"))
WAYS = ("fork", "spawn", "forkserver")


@pytest.mark.parametrize("way", WAYS)
def test_the_batch_of_the_document_prints_what_is_shown(tmp_path, way):
    lay_out(tmp_path)
    file = tmp_path / "batch.py"
    choice = (
        f'\nif __name__ == "__main__":\n    import multiprocessing\n\n    multiprocessing.set_start_method("{way}")\n'
    )
    file.write_text(file.read_text("utf-8").replace('\nif __name__ == "__main__":\n', choice), "utf-8")
    ended = subprocess.run([sys.executable, file], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == SHOWN


PROGRAMS = """
import multiprocessing
import os
import sys

from polymeter.registries.shared.program import program

def say(*_):
    said = program()
    print(None if said is None else int.from_bytes(said[:8], "little") == TOP, flush=True)

TOP = int(sys.argv[2]) if len(sys.argv) > 2 else os.getpid()

def in_fork(then):
    child = os.fork()
    if not child:
        then()
        os._exit(0)
    os.waitpid(child, 0)

if __name__ == "__main__":
    say()
    if sys.argv[1] == "fork":
        in_fork(say)
        in_fork(lambda: in_fork(say))
    else:
        sys.argv.append(str(TOP))
        with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
            pool.map(say, [0])
            pool.close()
            pool.join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says where a process came from")
@pytest.mark.parametrize("way", WAYS)
def test_a_worker_is_told_from_a_process_that_somebody_starts(tmp_path, way):
    file = tmp_path / "programs.py"
    file.write_text(PROGRAMS, "utf-8")
    ended = subprocess.run([sys.executable, file, way], capture_output=True, text=True, timeout=60, check=True)
    first, *workers = ended.stdout.split()
    assert first == "None"
    assert workers == ["True"] * (2 if way == "fork" else 1)
    assert program() is None or "PYTEST_XDIST_WORKER" in os.environ


TWICE = """
import os
import sys

from polymeter.registries import SharedRegistry

for _ in range(2):
    child = os.fork()
    if not child:
        registry = SharedRegistry("shop", directory=sys.argv[1])
        registry.counter("shop.orders")
        registry.up_down("shop.open", 1)
        print(registry.total("shop.orders"), registry.total("shop.open"), flush=True)
        sys.exit()
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says where a process came from")
def test_workers_that_never_live_together_are_one_run_of_their_program_and_the_next_start_is_another(tmp_path):
    for _ in range(2):
        command = [sys.executable, "-c", TWICE, str(tmp_path)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert ended.stdout.splitlines() == ["1 1", "2 1"]
