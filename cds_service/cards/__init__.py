"""Determinations → CDS Hooks cards."""

from cds_service.cards.render import Presentation, Shown, card_for_others, cards_of_the_rest, render, show

__all__ = ["Presentation", "Shown", "card_for_others", "cards_of_the_rest", "render", "show"]
