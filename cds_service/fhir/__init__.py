"""FHIR R4 as plain JSON: types, elements, values, records."""
