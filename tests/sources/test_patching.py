"""A class whose method was wrapped is left as it was found, whoever else wraps it too."""

from __future__ import annotations

import pytest

from polymeter.sources.patching import patch_all, patch_method


@pytest.fixture
def classes():
    class Base:
        def greet(self, name):
            """Say hello."""
            return [f"hello {name}"]

    class Derived(Base):
        pass

    return Base, Derived


def adding(word):
    def wrap(below):
        return lambda self, *args: [word, *below(self, *args)]

    return wrap


def test_an_inherited_method_is_inherited_again(classes):
    base, derived = classes
    patch = patch_method(derived, "greet", adding("ours"))
    assert derived().greet("you") == ["ours", "hello you"]
    assert base().greet("you") == ["hello you"]
    patch.cancel()
    assert "greet" not in vars(derived)
    assert derived.greet is base.greet


def test_the_wrapper_looks_like_what_it_wraps(classes):
    base, derived = classes
    with patch_method(derived, "greet", adding("ours")):
        assert (derived.greet.__name__, derived.greet.__doc__) == ("greet", base.greet.__doc__)
        assert derived.greet.__wrapped__ is base.greet


def test_a_change_of_the_base_class_is_followed(classes):
    base, derived = classes
    with patch_method(derived, "greet", adding("ours")), patch_method(base, "greet", adding("theirs")):
        assert derived().greet("you") == ["ours", "theirs", "hello you"]


def test_a_method_of_the_class_itself_is_given_back_as_the_same_object(classes):
    base, _ = classes
    found = vars(base)["greet"]
    with patch_method(base, "greet", adding("ours")):
        assert base().greet("you") == ["ours", "hello you"]
    assert vars(base)["greet"] is found


def test_a_wrapper_that_was_there_before_is_called_and_given_back(classes):
    _, derived = classes
    with patch_method(derived, "greet", adding("theirs")):
        theirs = vars(derived)["greet"]
        with patch_method(derived, "greet", adding("ours")):
            assert derived().greet("you") == ["ours", "theirs", "hello you"]
        assert vars(derived)["greet"] is theirs


def test_a_wrapper_that_came_later_is_left_and_the_log_says_so_once(classes, caplog):
    _, derived = classes
    ours = patch_method(derived, "greet", adding("ours"))
    theirs = patch_method(derived, "greet", adding("theirs"))
    wrapper = vars(derived)["greet"]
    ours.cancel()
    ours.cancel()
    assert vars(derived)["greet"] is wrapper
    assert derived().greet("you") == ["theirs", "ours", "hello you"]
    (record,) = caplog.records
    assert "Derived.greet was replaced by somebody else" in record.getMessage()
    theirs.cancel()
    assert derived().greet("you") == ["ours", "hello you"], "they put back what they had found"
    again = patch_method(derived, "greet", adding("again"))
    assert derived().greet("you") == ["again", "hello you"], "what was left behind is not kept for ever"
    again.cancel()
    assert "greet" not in vars(derived)


def test_a_wrapper_that_was_torn_out_stays_out(classes, caplog):
    _, derived = classes
    ours = patch_method(derived, "greet", adding("ours"))
    del derived.greet
    ours.cancel()
    assert derived().greet("you") == ["hello you"]
    assert len(caplog.records) == 1


def test_a_descriptor_is_bound_like_a_method(classes):
    _, derived = classes

    class Proxy:
        def __get__(self, instance, owner):
            return lambda name: [f"{type(instance).__name__} {name}"]

    proxy = derived.greet = Proxy()
    derived.greet = proxy
    with patch_method(derived, "greet", adding("ours")):
        assert derived().greet("you") == ["ours", "Derived you"]
    assert vars(derived)["greet"] is proxy


def test_several_patches_are_undone_in_reverse(classes):
    base, _ = classes
    found = vars(base)["greet"]
    patches = patch_all(patch_method(base, "greet", adding(word)) for word in ("first", "second"))
    assert base().greet("you") == ["second", "first", "hello you"]
    patches.cancel()
    assert vars(base)["greet"] is found


def test_of_several_patches_none_stays_if_one_cannot_be_made(classes, caplog):
    base, derived = classes
    found = vars(base)["greet"]
    wanted = (base, "greet"), (derived, "greet"), (base, "no such method")
    with pytest.raises(AttributeError, match="no such method"):
        patch_all(patch_method(owner, name, adding("ours")) for owner, name in wanted)
    assert vars(base)["greet"] is found
    assert "greet" not in vars(derived)
    assert not caplog.records
