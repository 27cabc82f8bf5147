"""How a determination reads, for cards: cds_service.necessity.reading."""

from cds_service.necessity.reading import deciding, gaps_of, is_critical, open_questions, says_critical, state_words

__all__ = ["deciding", "gaps_of", "is_critical", "open_questions", "says_critical", "state_words"]
