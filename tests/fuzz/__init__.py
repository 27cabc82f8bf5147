"""Expressions and charts made at random, and what must hold whatever they are: `python -m tests.fuzz`."""
