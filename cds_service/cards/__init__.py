"""Determinations → CDS Hooks cards."""

from cds_service.cards.render import Presentation, not_coded_card, render

__all__ = ["Presentation", "not_coded_card", "render"]
