"""Da Vinci CRD: what a payer says of an order, in the versions of CRD that clients speak."""

from cds_service.crd.configuration import Configuration, discovery_extension, read_configuration
from cds_service.crd.coverage import Coverages, Problem, payer_identifier, payers_to_read, read_coverages
from cds_service.crd.patch import find_orders
from cds_service.crd.system_actions import orders_judged, system_actions
from cds_service.crd.terms import Authorization, Call, Terms
from cds_service.crd.versions import VERSIONS, Version, requested_version

__all__ = [
    "VERSIONS",
    "Authorization",
    "Call",
    "Configuration",
    "Coverages",
    "Problem",
    "Terms",
    "Version",
    "discovery_extension",
    "find_orders",
    "orders_judged",
    "payer_identifier",
    "payers_to_read",
    "read_configuration",
    "read_coverages",
    "requested_version",
    "system_actions",
]
