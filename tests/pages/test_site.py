"""The frame of served pages."""

from leadml.pages.navigation import Link
from leadml.pages.site import LINKS, WEBHOOKS, Frame, login_page, logout_page, message_page


def test_the_bar_marks_the_page_shown_and_offers_to_sign_out_who_signed_in() -> None:
    page = message_page("Well", Frame("/models", signed_in=True, version="1.2"))
    assert 'href="/models" aria-current="page"' in page
    assert page.count("aria-current=") == 1
    assert '<a href="/logout">Sign out</a>' in page
    assert "leadml 1.2" in page
    assert "Sign out" not in message_page("Well", Frame("/models"))


def test_who_may_read_nothing_is_offered_no_page() -> None:
    page = message_page("Well", Frame("/", known=False, webhooks=True))
    assert not [link for link in (*LINKS, WEBHOOKS) if f'href="{link.href}"' in page]


def test_the_page_of_webhooks_is_in_the_bar_where_there_are_any() -> None:
    page = message_page("Well", Frame("/webhooks", webhooks=True))
    assert '<a href="/webhooks" aria-current="page">Webhooks</a>' in page
    assert page.count('<a href="/agreement">Agreement</a>') == 1
    assert "/webhooks" not in message_page("Well", Frame("/"))


def test_a_message_is_text_and_leads_on() -> None:
    page = message_page(
        "<b>", Frame("/"), support="<i>", link=Link("Back & on", "/x"), title="Refused"
    )
    assert "<title>Refused · leadml</title>" in page
    assert "<h1>&lt;b&gt;</h1>" in page
    assert "&lt;i&gt;" in page
    assert '<a href="/x">Back &amp; on</a>' in page


def test_notices_are_announced_as_urgently_as_they_are() -> None:
    notices = (("good", "done"), ("bad", "failed <b>"))
    page = message_page("Well", Frame("/", notices=notices))
    assert '<p class="notice good" role="status">done</p>' in page
    assert '<p class="notice bad" role="alert">failed &lt;b&gt;</p>' in page


def test_signing_in_and_out_are_forms_with_a_token() -> None:
    page = login_page(Frame("/login"), token="t", then="/leads?lead=a&b", problem="", hours=12)
    for field in (
        '<form method="post" action="/login"',
        'name="token" value="t"',
        'name="next" value="/leads?lead=a&amp;b"',
        '<label for="key">API key</label>',
    ):
        assert field in page
    assert 'role="alert"' not in page
    assert "for 12 hours" in page
    wrong = login_page(Frame("/login"), token="t", then="/", problem="No <b>", hours=12)
    assert '<span class="problem" id="problem" role="alert">No &lt;b&gt;</span>' in wrong
    page = logout_page(Frame("/logout", signed_in=True), token="t")
    assert '<form method="post" action="/logout"' in page
    assert 'name="token" value="t"' in page
