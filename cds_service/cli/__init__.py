"""The command line. What a command needs is imported when the command runs, so that `--help` comes at once."""

from cds_service.cli.app import CreateApp, Exit, run

__all__ = ["CreateApp", "Exit", "run"]
