"""Determinations → CDS Hooks cards."""

from cds_service.cards.render import Presentation, cards_of_the_rest, render

__all__ = ["Presentation", "cards_of_the_rest", "render"]
