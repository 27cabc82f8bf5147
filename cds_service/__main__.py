"""The command `cds-service`, also as `python -m cds_service`."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

from cds_service.cli import run
from cds_service.sandbox.commands import sandbox

if TYPE_CHECKING:
    from fastapi import FastAPI

    from cds_service.wiring import Application

__all__ = ["main", "worker"]


def main() -> None:
    """Carry out the command line and exit with its code."""
    gc.set_threshold(50_000, 20, 50)  # what is imported and compiled at the start stays: a fifth of its CPU is saved
    sys.exit(run(sys.argv[1:], create_app=_create_app, more={"sandbox": sandbox}))


def worker() -> FastAPI:
    """Return what answers in one of several processes."""
    from cds_service.cli.serve import application_of_worker

    return _create_app(application_of_worker())


def _create_app(application: Application) -> FastAPI:
    from cds_service.api.app import create_app  # takes longer to import than `--help` may take

    return create_app(application)


if __name__ == "__main__":
    main()
