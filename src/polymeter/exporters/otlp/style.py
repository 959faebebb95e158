"""Style: what is up to the user in how metrics are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, get_args

from polymeter.errors import DefinitionError
from polymeter.exporters.otlp.exemplars import EXEMPLAR_FILTERS, ExemplarFilter
from polymeter.exporters.otlp.exponential import FEWEST_BUCKETS
from polymeter.exporters.otlp.settings import one_of
from polymeter.exporters.otlp.streams import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polymeter.contracts import Temporality
    from polymeter.exporters.otlp.environment import Environment

__all__ = ["Histograms", "Style", "style_of"]

Histograms: TypeAlias = Literal["exponential", "explicit"]

_SHAPES: Final[Mapping[Histograms, Shape]] = {"exponential": Shape.EXPONENTIAL, "explicit": Shape.EXPLICIT}
# Of our instruments the preference for little memory has the same as that for differences.
_TEMPORALITIES: Final[Mapping[str, Temporality]] = {"cumulative": "cumulative", "delta": "delta", "lowmemory": "delta"}
_AGGREGATIONS: Final[Mapping[str, Histograms]] = {
    "base2_exponential_bucket_histogram": "exponential",
    "explicit_bucket_histogram": "explicit",
}
_FILTERS: Final[Mapping[str, ExemplarFilter]] = {each: each for each in EXEMPLAR_FILTERS}


class Style(NamedTuple):
    """How metrics are shown.

    :ivar histograms: the shape of distributions.
    :ivar most: buckets of an exponential histogram, of each sign; ``None``: as many as there are.
    :ivar exemplars: which of them leave.
    """

    temporality: Temporality
    histograms: Shape
    most: int | None
    exemplars: ExemplarFilter


def style_of(
    environment: Environment,
    *,
    temporality: Temporality | None,
    histograms: Histograms | None,
    most: int | None,
    exemplars: ExemplarFilter | None,
) -> Style:
    """Put together what was given and, where nothing was, what the environment says.

    :raises DefinitionError: for what cannot be.
    """
    chosen: Temporality = environment.of_exporter("TEMPORALITY_PREFERENCE", _TEMPORALITIES, "cumulative", temporality)
    one_of("temporality", chosen, ("cumulative", "delta"))
    shape: Histograms = environment.of_exporter(
        "DEFAULT_HISTOGRAM_AGGREGATION", _AGGREGATIONS, "exponential", histograms
    )
    one_of("kind of histogram", shape, get_args(Histograms))
    kept: ExemplarFilter = environment.choice("OTEL_METRICS_EXEMPLAR_FILTER", _FILTERS, "always_on", exemplars)
    one_of("filter of exemplars", kept, EXEMPLAR_FILTERS)
    _check(most)
    return Style(chosen, _SHAPES[shape], most, kept)


def _check(most: Any) -> None:
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < FEWEST_BUCKETS):
        message = f"max_buckets cannot be {most!r}: give {FEWEST_BUCKETS} or more, or None for all there are"
        raise DefinitionError(message)
