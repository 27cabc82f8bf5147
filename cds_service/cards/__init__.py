"""Determinations → CDS Hooks cards."""

from cds_service.cards.presentation import Presentation, Shown
from cds_service.cards.render import card_for_others, render, show
from cds_service.cards.unjudged import cards_of_the_rest

__all__ = ["Presentation", "Shown", "card_for_others", "cards_of_the_rest", "render", "show"]
