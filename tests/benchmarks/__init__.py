"""Speed, measured: `make bench`. Never asserted in the tests."""
