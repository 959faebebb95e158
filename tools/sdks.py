"""Run the tests of sources beside other versions of the client libraries, each in an environment of its own.

    python tools/sdks.py [--always] [NAME...] [-- PYTEST-ARGUMENTS]

``tools/sdks.toml`` lists them. ``--always`` takes what every change has to pass; names take these; neither takes all.
Exits with 1 if one failed.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "tools" / "sdks.toml"


def main(arguments: list[str]) -> int:
    """Run the environments that ``arguments`` choose and say how each one went."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    chosen, options = arguments[:end], arguments[end + 1 :]
    table: dict[str, dict[str, Any]] = tomllib.loads(TABLE.read_text("utf-8"))
    names = [name for name in chosen if name != "--always"]
    unknown = [name for name in names if name not in table]
    if unknown:
        print(f"{TABLE.name} has no {', '.join(unknown)}, only {', '.join(table)}", file=sys.stderr)
        return 2
    if "--always" in chosen:
        parts = {name: {**about, "tests": about["always"]} for name, about in table.items() if "always" in about}
        table = parts | {name: table[name] for name in names}
    results = {name: run(name, table[name], options) for name in names or table}
    if len(results) > 1:
        print("", *(f"{name}: {'passed' if passed else 'FAILED'}" for name, passed in results.items()), sep="\n")
    return 0 if all(results.values()) else 1


def run(name: str, about: dict[str, Any], options: list[str]) -> bool:
    """Set up one environment, run its tests, and tell whether both went well."""
    place = f".venv-{name}"
    extras = ",".join(about.get("extras", ()))
    setup = ["tools/venv", place, base_of(sys.executable), extras, "sdk", *about.get("install", ())]
    tests = [str(path) for pattern in about["tests"] for path in sorted(ROOT.glob(pattern))]
    test = [f"{place}/bin/python", "-m", "pytest", *tests, *options]
    return all(subprocess.run(command, cwd=ROOT, check=False).returncode == 0 for command in (setup, test))


def base_of(python: str) -> str:
    """Give the interpreter that ``python`` is an environment of, or itself."""
    code = "import sys; print(sys._base_executable)"
    asked = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return asked.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
