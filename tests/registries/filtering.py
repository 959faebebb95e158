"""Filters for properties, and what each of them means, said a second time and plainly."""

from __future__ import annotations

from contextlib import ExitStack
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from hypothesis import strategies as st

from polymeter import context_tags
from polymeter.data.tags import canonical_text
from polymeter.registries.filters import (
    Accept,
    CommonTags,
    ContextTags,
    Deny,
    DenyUnless,
    DropTags,
    KeepTags,
    Namespace,
    RenameMetric,
    RenameTag,
    ReplaceTagValues,
)

NAMES = ("a", "a.b", "b.c")
TAGS = ("k", "l", "m")
VALUES = ("x", "y", "xy", 1, True, 1.0, None)


class Record(NamedTuple):
    """One record of a counter.

    :ivar is_bound: whether it is made on a bound series.
    """

    name: str
    tags: dict[str, Any]
    amount: int
    context: dict[str, Any]
    is_bound: bool


class ByValue:
    """A filter of somebody's own: the name depends on a value, and so does whether it is kept."""

    def map(self, metric):
        value = metric.tags.get("k")
        return metric.named(f"{metric.name}.{value}") if value in {"x", 1} else metric

    def accept(self, metric):
        return False if metric.tags.get("l") == "y" else None


patterns = st.just("*") | st.sampled_from(["a", "a*", "?.*", "b.c", "shop.*", "none"])
tag_names = st.sampled_from(TAGS)
asked_tags = st.none() | st.dictionaries(tag_names, st.sampled_from(["x", "x*", "1", "*"]), min_size=1, max_size=2)
filters = st.one_of(
    st.builds(lambda tags, of: CommonTags(tags, metrics=of), st.just({"k": "common", "c": 1}), patterns),
    st.builds(lambda tags, of: DropTags(*tags, metrics=of), st.lists(tag_names, min_size=1, max_size=2), patterns),
    st.builds(lambda tags, of: KeepTags(*tags, metrics=of), st.lists(tag_names, min_size=1, max_size=2), patterns),
    st.builds(lambda old, new, of: RenameTag(old, new, metrics=of), tag_names, tag_names, patterns),
    st.builds(
        lambda tag, others, of: ReplaceTagValues(tag, {"x*": "X"}, others=others, metrics=of),
        tag_names,
        st.none() | st.just("other"),
        patterns,
    ),
    st.builds(lambda tag, of: ReplaceTagValues(tag, str.upper, metrics=of), tag_names, patterns),
    st.sampled_from([RenameMetric("a", "b.c"), RenameMetric("a*", "z.*"), RenameMetric("b.*", "a*")]),
    st.builds(lambda of: Namespace("shop", metrics=of), patterns),
    st.builds(lambda of, tags: Deny(of, tags=tags), patterns, asked_tags),
    st.builds(lambda of, tags: Accept(of, tags=tags), patterns, asked_tags),
    st.builds(lambda of, tags: DenyUnless(of, tags=tags), patterns, asked_tags),
    st.builds(lambda tags, of: ContextTags(*tags, metrics=of), st.lists(tag_names, min_size=1, max_size=2), patterns),
    st.builds(ByValue),
)
chains = st.lists(filters, max_size=5)
some_tags = st.dictionaries(tag_names, st.sampled_from(VALUES), max_size=3)
records = st.builds(
    Record, st.sampled_from(NAMES), some_tags, st.integers(0, 5), st.just({}) | some_tags, is_bound=st.booleans()
)


def meant(chain: list[Any], record: Record) -> tuple[str, dict[str, str]] | None:
    """Give the name and the texts of the tags that a record is to be kept under; ``None``: it is denied."""
    name, tags = record.name, dict(record.tags)
    context = {key: canonical_text(key, value) for key, value in record.context.items()}
    for each in chain:
        if hasattr(each, "map"):
            name, tags = _mapped(each, name, tags, context)
    texts = {key: canonical_text(key, value) for key, value in tags.items()}
    for each in chain:
        if isinstance(each, ByValue):
            if texts.get("l") == "y":
                return None
        elif hasattr(each, "accept"):
            fits = _fits(each.metrics, name) and all(
                key in texts and _fits(pattern, texts[key]) for key, pattern in each.tags
            )
            if isinstance(each, Deny if fits else DenyUnless):
                return None
            if isinstance(each, Accept) and fits:
                break
    return name, texts


def _mapped(each: Any, name: str, tags: dict[str, Any], context: dict[str, str]) -> tuple[str, dict[str, Any]]:  # noqa: C901, PLR0911 - one for each
    if isinstance(each, ByValue):
        value = tags.get("k")
        return (f"{name}.{value}" if value in {"x", 1} else name), tags
    if not _fits(each.metrics, name):
        return name, tags
    if isinstance(each, CommonTags):
        return name, {**each.tags, **tags}
    if isinstance(each, ContextTags):
        return name, {**{key: context[key] for key in each.tags if key in context}, **tags}
    if isinstance(each, DropTags):
        return name, {key: value for key, value in tags.items() if not _fits(each.tags, key)}
    if isinstance(each, KeepTags):
        return name, {key: value for key, value in tags.items() if _fits(each.tags, key)}
    if isinstance(each, RenameTag):
        if each.old not in tags:
            return name, tags
        return name, {**{key: value for key, value in tags.items() if key != each.old}, each.new: tags[each.old]}
    if isinstance(each, ReplaceTagValues):
        if each.tag not in tags:
            return name, tags
        text = canonical_text(each.tag, tags[each.tag])
        if callable(each.values):
            return name, {**tags, each.tag: text.upper()}
        value = "X" if text.startswith("x") else tags[each.tag] if each.others is None else each.others
        return name, {**tags, each.tag: value}
    if isinstance(each, RenameMetric):
        new = each.new.removesuffix("*") + (name[len(each.old) - 1 :] if each.old.endswith("*") else "")
        return new, tags
    return (name if name.startswith(each.prefix) else each.prefix + name), tags


def _fits(given: Any, name: str) -> bool:
    return any(fnmatchcase(name, text) for text in given.texts)


def record_into(registry: Any, record: Record) -> None:
    """Make a record."""
    series = registry.bind("counter", record.name, record.tags) if record.is_bound else None
    with ExitStack() as blocks:
        if record.context:
            blocks.enter_context(context_tags(record.context))
        if series is None:
            registry.counter(record.name, record.tags, record.amount)
        else:
            series.add(record.amount)


def sums(registry: Any) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Give what counts, by name and texts of tags; nothing is a series that was only asked for."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for metric in registry.snapshot():
        if not metric.name.startswith("polymeter.") and metric.value:
            found[metric.name, metric.tags.canonical] = metric.value
    return found
