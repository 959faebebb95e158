"""Who is let in, and that no secret shows."""

from __future__ import annotations

import base64

import pytest

from polymeter.errors import DefinitionError
from polymeter.exporters.serving import Basic, Bearer
from polymeter.exporters.serving.page import Page
from tests.exporters.serving.stand_in import StandIn

SECRET = "s3cret"


def basic(pair, encoding="utf-8"):
    return f"Basic {base64.b64encode(pair.encode(encoding)).decode()}"


@pytest.mark.parametrize("header", [f"Bearer {SECRET}", f"bearer {SECRET}", f"BEARER  {SECRET} "])
def test_bearer_admits_its_token(header):
    assert Bearer(SECRET).admits(header)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", SECRET, f"Basic {SECRET}", f"Bearer {SECRET}x", "Bearer s3", f"Bearer {SECRET}, Bearer x",
     f"Bearer {SECRET.upper()}", f"Bearer\t{SECRET}", "Bearer \xe9", "Bearer \u20ac"],
)  # fmt: skip
def test_bearer_admits_nothing_else(header):
    assert not Bearer(SECRET).admits(header)


@pytest.mark.parametrize("password", [SECRET, "with:colon", "p\u00e4ss\u20ac", " "])
def test_basic_admits_its_pair(password):
    assert Basic("me", password).admits(basic(f"me:{password}"))


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic !!!", "Basic bWU", basic("me:"), basic("me"), basic(f"you:{SECRET}"), basic(f"me:{SECRET} "),
     basic(f"me:{SECRET}").replace("Basic", "Bearer"), "Basic \xe9", basic("me:\xe9", "latin-1")],
)  # fmt: skip
def test_basic_admits_nothing_else(header):
    assert not Basic("me", SECRET).admits(header)


@pytest.mark.parametrize(
    "token", ["", " ", f"{SECRET}\n", f"two {SECRET}", f"{SECRET}\u20ac", "\ud800", None, b"bytes", 7]
)
def test_a_token_that_cannot_be_sent_is_refused_and_not_quoted(token):
    with pytest.raises(DefinitionError, match="token of Bearer") as refused:
        Bearer(token)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("user", "password", "about"),
    [
        ("", SECRET, "the user of Basic is empty"),
        ("me", "", "the password of Basic is empty"),
        ("me", None, "the password of Basic is a NoneType"),
        (f"me:{SECRET}", "x", "the user of Basic has a colon in it"),
        ("me", f"{SECRET}\ud800", "the password of Basic has characters"),
    ],
)
def test_a_pair_that_cannot_be_sent_is_refused_and_not_quoted(user, password, about):
    with pytest.raises(DefinitionError, match=about) as refused:
        Basic(user, password)
    assert SECRET not in str(refused.value)


def test_what_is_printed_has_no_secret():
    assert [repr(each) for each in (Bearer(SECRET), Basic("me", SECRET))] == ["Bearer(...)", "Basic(...)"]


@pytest.mark.parametrize("auth", [SECRET, ("me", SECRET), Bearer, object()])
def test_anything_else_is_no_credential_and_not_quoted(auth):
    with pytest.raises(DefinitionError, match=r"give Bearer\(token\)") as refused:
        Page(StandIn(), auth=auth)
    assert SECRET not in str(refused.value)
