"""FHIR PlanDefinition as necessity policy: read, checked, compiled."""
