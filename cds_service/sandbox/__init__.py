"""The sandbox: synthetic patients with fixed outcomes, their FHIR server, and a small EHR before the real service."""
