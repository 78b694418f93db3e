"""Is it alive, would it store, what has it counted: /healthz, /readyz, /metrics.

Knows nothing of deliveries; it asks the storage and shows what was counted.
"""
from typing import TYPE_CHECKING

from presence_receiver.faces import face

if TYPE_CHECKING:
    from presence_receiver.monitoring.prometheus import FOLDER_VARIABLE, PrometheusMetrics, forget, parsed
    from presence_receiver.monitoring.readiness import Readiness
    from presence_receiver.monitoring.views import service

__getattr__ = face(__name__, __file__)
