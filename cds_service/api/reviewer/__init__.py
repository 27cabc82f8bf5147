"""The reviewer's pages: what was determined, for a physician to read, and to agree or disagree with."""

from cds_service.api.reviewer.access import Access, Person, access_of
from cds_service.api.reviewer.routes import reviewer_routes

__all__ = ["Access", "Person", "access_of", "reviewer_routes"]
