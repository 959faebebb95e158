"""What is read from headers and query."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polymeter.exporters.serving.headers import names_in, takes_gzip


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("deflate,gzip", True),
        ("gzip ; q = 0.1", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*", True),
        ("*;q=0", False),
        ("identity", False),
        ("gzipped", False),
        ("gzip;q=much", False),
        ("gzip;q=nan", False),
        (";;;,,,=", False),
    ],
)
def test_gzip_is_taken_by_who_says_so(header, takes):
    assert takes_gzip(header) is takes


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ()),
        ("name[]=a", ("a",)),
        ("name[]=a&name[]=b&name[]=a", ("a", "b")),
        ("name%5B%5D=a%5Fb", ("a_b",)),
        ("name=a&names[]=b&other=name[]", ()),
        ("name[]=", ()),
        ("name[]=%ff", ("\ufffd",)),
        ("&&=&name[]", ()),
    ],
)
def test_names_are_the_values_of_their_parameter(query, names):
    assert names_in(query) == names


@given(st.text())
def test_nothing_that_is_sent_raises(text):
    takes_gzip(text)
    names_in(text)
