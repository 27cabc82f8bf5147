"""What a policy author works with: cases that a clinician can read, run against the policies."""
