"""``python -m polymeter.cli``: the same as ``polymeter``."""

from __future__ import annotations

import sys

from polymeter.cli import main

sys.exit(main())  # type: ignore[arg-type] # click exits by itself; without click it is an exit code
