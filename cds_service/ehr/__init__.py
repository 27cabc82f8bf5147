"""The EHR's FHIR server: what a request did not bring is read there, with the request's own token."""

from cds_service.ehr.addresses import AddressRules
from cds_service.ehr.client import FhirClient
from cds_service.ehr.gather import Access, gather
from cds_service.ehr.limits import Limits
from cds_service.ehr.servers import AllowedServers
from cds_service.ehr.transport import CheckedTransport

__all__ = ["Access", "AddressRules", "AllowedServers", "CheckedTransport", "FhirClient", "Limits", "gather"]
