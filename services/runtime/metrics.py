"""Metrics of one process: every series says its `service`, and labels take values from closed lists only."""

from collections.abc import Collection, Mapping
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

# A series beside each counter that says when it began: nobody here asks for it, and it would double what is scraped.
disable_created_metrics()  # type: ignore[no-untyped-call] # the library leaves it so

M = TypeVar("M", Counter, Gauge, Histogram)

_Known = dict[str, Counter | Gauge | Histogram]


class LabelValueError(ValueError):
    """A label was given a value outside its closed list; the text names the label, not the value."""


class Family(Generic[M]):
    """One metric of one service; `labels` gives the series to count on."""

    def __init__(self, metric: M, service: str, allowed: Mapping[str, Collection[str]]) -> None:
        self._metric: M = metric
        self._service = service
        self._allowed = {name: frozenset(values) for name, values in allowed.items()}

    def labels(self, **values: str) -> M:
        """Return the series with these label values; raise LabelValueError for one that is not listed."""
        for name, value in values.items():
            if value not in self._allowed[name]:
                raise LabelValueError(f"label {name} was given a value that is not on its list")
        series: M = self._metric.labels(service=self._service, **values)
        return series

    def clear(self) -> None:
        """Forget all series of this service, so that figures that are no longer published disappear."""
        self._metric.remove_by_labels({"service": self._service})


class Meter:
    """Declares the metrics of one service in the registry that its process shares."""

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        self.registry = registry
        self.service = service
        # Services of one process declare the same runtime metrics, and the registry takes each name once.
        self._known: _Known = registry.__dict__.setdefault("askelma_declared", {})

    def counter(
        self, name: str, help_text: str, labels: Mapping[str, Collection[str]] | None = None
    ) -> Family[Counter]:
        """Declare a counter; `labels` maps each label to all values it may take."""
        return self._family(Counter, name, help_text, labels or {})

    def gauge(self, name: str, help_text: str, labels: Mapping[str, Collection[str]] | None = None) -> Family[Gauge]:
        """Declare a gauge."""
        return self._family(Gauge, name, help_text, labels or {})

    def histogram(
        self, name: str, help_text: str, labels: Mapping[str, Collection[str]] | None = None
    ) -> Family[Histogram]:
        """Declare a histogram with the client library's buckets for seconds."""
        return self._family(Histogram, name, help_text, labels or {})

    def _family(self, kind: type[M], name: str, help_text: str, labels: Mapping[str, Collection[str]]) -> Family[M]:
        known = self._known.get(name)
        metric = (
            known if isinstance(known, kind) else kind(name, help_text, ("service", *labels), registry=self.registry)
        )
        self._known[name] = metric
        return Family(metric, self.service, labels)
