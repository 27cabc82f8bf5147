"""What an operator sees of the service: logs, metrics, and how long each step took. Nothing of a patient."""

from cds_service.observability.seen import Seen, observed, seen, step

__all__ = ["Seen", "observed", "seen", "step"]
