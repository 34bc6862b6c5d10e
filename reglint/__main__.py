"""``python -m reglint`` is the same as ``reglint``."""

from __future__ import annotations

import sys

from reglint.cli import main

if __name__ == "__main__":
    sys.exit(main())
