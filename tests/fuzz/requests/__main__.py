"""Send requests of the replay corpus, damaged at random, to the service; fail if an answer is not as it must be."""

from __future__ import annotations

import sys

from tests.fuzz.command import main
from tests.fuzz.requests.fuzzer import REQUESTS

if __name__ == "__main__":
    sys.exit(main(REQUESTS, __doc__))
