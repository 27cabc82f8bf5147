"""Determinations → CDS Hooks cards."""

from cds_service.cards.render import Presentation, card_for_others, cards_of_the_rest, render

__all__ = ["Presentation", "card_for_others", "cards_of_the_rest", "render"]
