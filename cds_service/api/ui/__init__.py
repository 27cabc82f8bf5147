"""What the pages share: one template to extend, one stylesheet, and headers that let nothing else in."""

from cds_service.api.ui.pages import PAGE_HEADERS, Asset, Pages, asset_routes

__all__ = ["PAGE_HEADERS", "Asset", "Pages", "asset_routes"]
