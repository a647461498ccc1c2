"""What a worker shows of itself: health, readiness and metrics over HTTP.

It looks on. Nothing here changes what a worker does, and a worker without it does the same.
"""

from .engine import EngineMetrics
from .http import Address, serve
from .metrics import Metrics

__all__ = ["Address", "EngineMetrics", "Metrics", "serve"]
