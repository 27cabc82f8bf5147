"""The corpus: requests with one oddity each, and what each must be answered."""

from __future__ import annotations

from tests.replay.captured import SEEDS, SIMULATED
from tests.replay.envelope import ENVELOPE
from tests.replay.hooks import BOOKED, DISPATCHED, SELECTED
from tests.replay.orders import ORDERS, TYPES
from tests.replay.prefetch import PREFETCH
from tests.replay.wire import WIRE

__all__ = ["CORPUS"]

CORPUS = (*ENVELOPE, *PREFETCH, *ORDERS, *TYPES, *SELECTED, *DISPATCHED, *BOOKED, *SIMULATED, *SEEDS, *WIRE)
