"""Code for a fresh interpreter: import the whole core, and tell what came with it."""

from __future__ import annotations

from tests.interpreter import SRC

IMPORT_CORE = """
import importlib, json, pathlib, sys, types
before = set(sys.modules)

import polymeter
alone = set(sys.modules) - before
polymeter.Metrics()
in_use = set(sys.modules) - before

NEED_MORE = ("polymeter.cli", "polymeter.testing.pytest_plugin", "polymeter.testing.contracts")  # click, pytest
root = pathlib.Path(polymeter.__file__).parent
files = [file.relative_to(root.parent).with_suffix("") for file in sorted(root.rglob("*.py"))]
found = [".".join(file.parts).removesuffix(".__init__") for file in files]
core = [name for name in found if not name.startswith(NEED_MORE)]
for name in core:
    importlib.import_module(name)
shadowed = [
    f"{room}.{name}"
    for room in core
    for name in getattr(sys.modules[room], "__all__", ())
    if isinstance(vars(sys.modules[room]).get(name), types.ModuleType)
]
packages = {name.partition(".")[0] for name in set(sys.modules) - before}

print(json.dumps({
    "place": polymeter.__file__,
    "with polymeter": sorted(alone),
    "with Metrics": sorted(in_use),
    "core": core,
    "names that are modules": shadowed,
    "third parties": sorted(packages - sys.stdlib_module_names - {"polymeter"}),
}))
"""

IMPORT_CORE_FROM_SOURCE = f"import sys; sys.path.insert(0, {str(SRC)!r})\n{IMPORT_CORE}"
