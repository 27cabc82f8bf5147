from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.cards.text import plain
from cds_service.client.markdown import plain_lines


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("## Why *not*", "Why not"),
        ("- **Met** – tumour, `Condition/c1.code`", "- Met – tumour, Condition/c1.code"),
        ("* one\n  * two", "* one\n  * two"),
        ('[the policy](https://p.example/x "title")', "the policy (https://p.example/x)"),
        ("![](https://p.example/x.png)", "https://p.example/x.png"),
        (r"2 \* 3 \_ \[a\](b)", "2 * 3 _ [a](b)"),
        ("a &lt; b &amp;&amp; c", "a < b && c"),
        ("snake_case and 2*3*4", "snake_case and 2*3*4"),
        ("~~gone~~ __bold__ _thin_", "gone bold thin"),
        ('```json\n{"a": "*b*"}\n```\nend', '{"a": "*b*"}\nend'),
        ("| a | b |", "| a | b |"),
        ("", ""),
    ],
)
def test_marks_go_and_what_they_mark_stays(markdown: str, text: str):
    assert "\n".join(plain_lines(markdown)) == text


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60))
def test_what_our_cards_escape_is_shown_as_it_was(text: str):
    assert list(plain_lines(plain(text))) == [text]


@pytest.mark.parametrize("mark", ["[", "![", "`", "**", "_", "[a](", "\\", "[[]("])
def test_no_text_takes_long(mark: str):
    assert list(plain_lines("x" + mark * 40_000))
