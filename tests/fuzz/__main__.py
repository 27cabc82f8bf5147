"""Try expressions over charts, both made at random, until the time is up; fail if anything is met that must not be."""

from __future__ import annotations

import sys

from tests.fuzz.command import main
from tests.fuzz.expressions import EXPRESSIONS

if __name__ == "__main__":
    sys.exit(main(EXPRESSIONS, __doc__))
