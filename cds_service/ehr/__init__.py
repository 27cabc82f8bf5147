"""The EHR's FHIR server: what a request did not bring is read there, with the request's own token."""
