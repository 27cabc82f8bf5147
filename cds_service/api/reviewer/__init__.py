"""The reviewer's pages: what was determined, to read and to agree or disagree with, and the policies behind it."""

from cds_service.api.reviewer.access import Access, Person, access_of
from cds_service.api.reviewer.policy_routes import policy_routes
from cds_service.api.reviewer.routes import reviewer_routes

__all__ = ["Access", "Person", "access_of", "policy_routes", "reviewer_routes"]
