"""Samples as Prometheus reads them, by its own client library."""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from prometheus_client import PROCESS_COLLECTOR
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, choose_encoder, generate_latest, gzip_accepted
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPEN_METRICS
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.utils import floatToGoString

from standfast.metrics.families import BUCKETS_S, FAMILIES, Family, Kind
from standfast.metrics.samples import Sample
from standfast.metrics.totals import Counted

_BOUNDS: Final = (*map(floatToGoString, BUCKETS_S), "+Inf")


@dataclass(frozen=True, slots=True)
class Format:
    """How somebody wants the answer: Prometheus' text or OpenMetrics, as it is or with gzip."""

    open_metrics: bool
    gzip: bool


def format_for(accept: str, accept_encoding: str) -> Format:
    """What these headers of a request ask for."""
    return Format(choose_encoder(accept)[1] == OPEN_METRICS, gzip_accepted(accept_encoding))


def encode(samples: Iterable[Sample], counted: Counted | None, wanted: Format) -> tuple[bytes, dict[str, str]]:
    """The whole answer, and the headers that say what it is."""
    registry: Any = _Registry(samples, counted)  # `collect` is all that the encoders ask of it
    encoder, content_type = (
        (openmetrics, OPEN_METRICS) if wanted.open_metrics else (generate_latest, CONTENT_TYPE_LATEST)
    )
    body, headers = encoder(registry), {"Content-Type": content_type}
    return (gzip.compress(body, 1), headers | {"Content-Encoding": "gzip"}) if wanted.gzip else (body, headers)


class _Registry:
    """Every family that has samples; what this process itself needs comes last."""

    def __init__(self, samples: Iterable[Sample], counted: Counted | None) -> None:
        self._samples = [*samples, *(counted.samples if counted else ())]
        self._histograms = counted.histograms if counted else ()

    def collect(self) -> Iterator[Any]:
        made: dict[str, Any] = {}
        for sample in self._samples:
            family = FAMILIES[f"standfast_{sample.family}"]
            found = made.get(family.name) or made.setdefault(family.name, _family(family))
            found.add_metric(sample.labels, sample.value)
        for name, labels, counts, total in self._histograms:
            family = FAMILIES[f"standfast_{name}"]
            found = made.get(family.name) or made.setdefault(family.name, _family(family))
            found.add_metric(labels, [*zip(_BOUNDS, accumulate(counts), strict=True)], total)
        yield from (made[name] for name in FAMILIES if name in made)
        yield from PROCESS_COLLECTOR.collect()


def _family(family: Family) -> Any:
    match family.kind:
        case Kind.GAUGE:
            return GaugeMetricFamily(family.name, family.help, labels=family.labels)
        case Kind.COUNTER:
            return CounterMetricFamily(family.name, family.help, labels=family.labels)
        case Kind.HISTOGRAM:
            return HistogramMetricFamily(family.name, family.help, labels=family.labels)
