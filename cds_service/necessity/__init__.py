"""Who needs what: orders, policies and a record → determinations."""
