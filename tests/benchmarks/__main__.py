"""Run every benchmark and print its figures with the machine they were taken on."""

import platform
import sys
from pathlib import Path

from tests.benchmarks import fhirpath, hook, hostile, hundred, load, served, store


def processor() -> str:
    """Return the processor's name where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    print(
        f"{processor()}, {platform.system()}, Python {platform.python_version()}; command: {' '.join(sys.orig_argv)}\n"
    )
    fhirpath.main()
    hostile.main()
    hook.main()
    load.main()
    store.main()
    served.main()
    hundred.main()
