"""What is counted for Prometheus, and its text read back. The only module that knows prometheus_client, which it
imports only where there is a token to ask with: without one, counting costs nothing.

Under gunicorn each worker counts in memory-mapped files of its own (see gunicorn_config); whoever answers
/metrics adds them up. Values are only ever changed in the thread that serves requests.
"""
from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from presence_receiver.metrics import Metrics
from presence_receiver.storage import STEMS, free_bytes

if TYPE_CHECKING:
    from prometheus_client import Metric

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
BATCHES = (1, 2, 4, 8, 16, 32, 64)
RESTORE_SECONDS = 1.0
REFUSED = 401
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class PrometheusMetrics(Metrics):
    """Counts in files where the environment names a folder for them, else in this process alone."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry

        from presence_receiver.monitoring import pages

        pages.use()
        self._pages, self._restored, self._latest = pages, time.monotonic(), 0.0
        self._registry = CollectorRegistry()
        self._counters()
        self._gauges()
        self._histograms()

    def _counters(self) -> None:
        from prometheus_client import Counter

        def counter(name: str, told: str, *labels: str) -> Counter:
            return Counter(f"presence_{name}", told, labels, registry=self._registry)

        self._deliveries = counter("deliveries", "Deliveries by the status of their answer.", "status")
        observations = counter("observations", "Observations of stored deliveries.", "result")
        self._accepted, self._rejected, self._unjudged = map(
            observations.labels, ("accepted", "rejected", "unjudged"))
        self._bytes = counter("stored_bytes", "Bytes of lines, of both kinds.")
        secrets = counter("secret_used", "Stored deliveries by the secret that they showed.", "secret")
        self._secrets = [secrets.labels("current"), secrets.labels("previous")]
        self._retries = counter("bucket_retries", "PUTs tried again.")
        rotations = counter("rotations", "Files closed.", "file")
        self._rotations = {stem: rotations.labels(stem) for stem in STEMS}

    def _gauges(self) -> None:
        from prometheus_client import Gauge

        def gauge(name: str, told: str, of_all: Literal["min", "max", "livesum", "mostrecent"]) -> Gauge:
            return Gauge(f"presence_{name}", told, registry=self._registry, multiprocess_mode=of_all)

        gauge("start_timestamp_seconds", "When the first worker started, in Unix time.", "min").set(time.time())
        self._last = gauge("last_delivery_timestamp_seconds", "When the last verified delivery came.", "max")
        self._waiting = gauge("bucket_waiting_bytes", "Bytes of lines that the bucket has not taken yet.", "livesum")
        self._uncompressed = gauge(
            "closed_files_waiting", "Closed files that are not compressed, when housekeeping last counted.",
            "mostrecent")

    def _histograms(self) -> None:
        from prometheus_client import Histogram

        def histogram(name: str, told: str, buckets: Sequence[float]) -> Histogram:
            return Histogram(f"presence_{name}", told, registry=self._registry, buckets=buckets)

        self._append_seconds = histogram(
            "append_seconds", "How long deliveries waited until they were on disk.", SECONDS)
        self._sync_seconds = histogram(
            "sync_seconds", "How long the syncs of commits took, or their PUTs into a bucket.", SECONDS)
        self._batches = histogram(
            "commit_deliveries", "How many deliveries were written and synced together.", BATCHES)

    def answered(self, status: int) -> None:
        """Count a delivery that got this answer."""
        self._restore(RESTORE_SECONDS)
        self._deliveries.labels(str(status)).inc()
        if status != REFUSED:
            self._note(time.time())

    def _note(self, at: float) -> None:
        if at > self._latest:
            self._latest = at
            self._last.set(at)

    def stored(self, accepted: int, rejected: int, unjudged: int, size: int, secret: int, seconds: float) -> None:
        """Count a delivery on disk."""
        self._accepted.inc(accepted)
        if rejected:
            self._rejected.inc(rejected)
        if unjudged:
            self._unjudged.inc(unjudged)
        self._bytes.inc(size)
        self._secrets[secret].inc()
        self._append_seconds.observe(seconds)

    def committed(self, deliveries: int, sync_seconds: float) -> None:
        """Count deliveries that were written and synced together."""
        self._batches.observe(deliveries)
        self._sync_seconds.observe(sync_seconds)

    def closed(self, stem: str, count: int) -> None:
        """Count files of that stem that have been closed since."""
        self._rotations[stem].inc(count)

    def uncompressed(self, count: int) -> None:
        """Note how many closed files housekeeping found not compressed."""
        self._uncompressed.set(count)

    def retried(self) -> None:
        """Count a PUT that failed."""
        self._retries.inc()

    def waiting(self, size: int) -> None:
        """Note that lines came, or went."""
        self._waiting.set(size)

    def _restore(self, seconds: float) -> None:
        """Make the folder anew where a cleaner has deleted it, unless that was looked at so few seconds ago."""
        if time.monotonic() - self._restored >= seconds:
            self._restored = time.monotonic()
            self._pages.restore()

    def exposition(self, folder: Path, last_delivery: float | None, is_ready: bool) -> bytes:
        """Return all in Prometheus' text format; a time of the last delivery from before this start counts."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        folder_of_all = os.environ.get(FOLDER_VARIABLE)
        self._restore(0)
        self._note(last_delivery or 0)
        registry.register(self._pages.Collector(folder_of_all) if folder_of_all else self._registry)
        registry.register(_Now(folder, is_ready))
        answer: bytes = generate_latest(registry)
        return answer


class _Now:
    """What holds at the moment of asking; nothing of a data folder that is not there yet."""

    def __init__(self, folder: Path, is_ready: bool) -> None:
        self._folder, self._is_ready = folder, is_ready

    def collect(self) -> Iterator[Metric]:
        """Yield readiness and free bytes."""
        from prometheus_client.core import GaugeMetricFamily

        yield GaugeMetricFamily(
            "presence_ready", "Whether a delivery that came now would be stored, 1 or 0.", self._is_ready)
        with suppress(OSError):
            yield GaugeMetricFamily(
                "presence_free_bytes", "Bytes left on the filesystem of the data.", free_bytes(self._folder))


def parsed(exposition: str) -> dict[str, float]:
    """Return each sample's value by name and labels as they stand there: presence_deliveries_total{status="200"}."""
    from prometheus_client.parser import text_string_to_metric_families

    values = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
            values[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return values


def forget(process: int) -> None:
    """Take note that a worker has ended."""
    if os.environ.get(FOLDER_VARIABLE):
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(process)
