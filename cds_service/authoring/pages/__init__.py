"""A page of words, and its renderings: text, Markdown, HTML."""

from cds_service.authoring.pages.html import as_html
from cds_service.authoring.pages.markdown import as_markdown
from cds_service.authoring.pages.page import Entry, Page, Remark, Section
from cds_service.authoring.pages.text import as_text

__all__ = ["Entry", "Page", "Remark", "Section", "as_html", "as_markdown", "as_text"]
