from markupsafe import Markup

from leadml.pages.navigation import Link, navigation

LINKS = [Link("Report", "/report"), Link("A <b> & c", "/leads")]


def test_the_page_shown_is_marked_and_texts_are_escaped() -> None:
    drawn = navigation(LINKS, current="/report")
    assert '<a href="/report" aria-current="page">Report</a>' in drawn
    assert '<a href="/leads">A &lt;b&gt; &amp; c</a>' in drawn
    assert drawn.count("aria-current") == 1


def test_what_stands_aside_is_escaped_unless_it_is_markup() -> None:
    assert "&lt;i&gt;" in navigation(LINKS, current="", aside="<i>")
    assert "<i>out</i></nav>" in navigation(LINKS, current="", aside=Markup("<i>out</i>"))
