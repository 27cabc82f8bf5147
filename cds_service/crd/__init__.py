"""Da Vinci CRD: what a payer says of an order, in the versions of CRD that clients speak."""

from cds_service.crd.configuration import Configuration, discovery_extension, read_configuration
from cds_service.crd.coverage import Coverages, Insurance, Problem, payer_identifier, payers_to_read
from cds_service.crd.in_scope import TOO_COARSE, InScope, in_scope
from cds_service.crd.patch import find_orders
from cds_service.crd.system_actions import system_actions
from cds_service.crd.terms import Authorization, Call, Terms
from cds_service.crd.versions import VERSIONS, Version, requested_version

__all__ = [
    "TOO_COARSE",
    "VERSIONS",
    "Authorization",
    "Call",
    "Configuration",
    "Coverages",
    "InScope",
    "Insurance",
    "Problem",
    "Terms",
    "Version",
    "discovery_extension",
    "find_orders",
    "in_scope",
    "payer_identifier",
    "payers_to_read",
    "read_configuration",
    "requested_version",
    "system_actions",
]
