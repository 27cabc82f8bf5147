"""Decisions kept, so that a determination that is disputed months later is there, whole and provable."""
