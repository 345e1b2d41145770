"""Details that belong together: parts of a site by path, other texts as they are."""

import numpy as np
import pytest

from leadml.data.detail_group import detail_group, group_codes


@pytest.mark.parametrize(
    ("detail", "group"),
    [
        ("/pricing", "/pricing"),
        ("/pricing/enterprise?plan=2#faq", "/pricing"),
        ("https://www.example.com/Pricing/", "/pricing"),
        ("http://example.com", "/"),
        ("www.example.com/blog/a-post", "/blog"),
        ("/", "/"),
        ("/?utm_source=ads", "/"),
        ("/en/docs/api", "/docs"),
        ("/pt-BR/docs", "/docs"),
        ("/en", "/en"),  # nothing follows: it is the page itself
        ("http://[broken/path", "http://[broken/path"),
        ("Newsletter May", "Newsletter May"),
        ("a/b", "a/b"),
    ],
)
def test_groups(detail: str, group: str) -> None:
    assert detail_group(detail) == group


def test_codes() -> None:
    details = ["/pricing/a", "/blog", "/pricing", "x"]
    detail = np.array([0, 1, 2, 3, -1], np.int32)
    assert group_codes(detail, details, ["/pricing", "x"]).tolist() == [0, -1, 0, 1, -1]
    assert group_codes(detail, details, []).tolist() == [-1] * 5
    assert group_codes(np.full(2, -1, np.int32), [], ["x"]).tolist() == [-1, -1]
