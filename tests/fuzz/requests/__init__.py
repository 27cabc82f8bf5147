"""Requests of the replay corpus damaged at random, sent to the whole service: `python -m tests.fuzz.requests`."""
