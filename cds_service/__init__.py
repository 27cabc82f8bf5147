"""Medical necessity per ordered code, decided by PlanDefinitions as the order is signed."""

__version__ = "0.1.0"
