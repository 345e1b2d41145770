"""One line for every request answered, and its place among the metrics.

Lines are put together by hand: a logging record costs more than all else that is done for a
request beside its score.
"""

import json
import logging
import os
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from leadml.api.monitoring.log_lines import Lines
from leadml.api.monitoring.metrics import METHODS, OTHER, Metrics

log = logging.getLogger("leadml.api")


class RequestLog:
    """Tells of requests.

    Parameters
    ----------
    metrics : Metrics
        Counts them.
    lines : Lines, optional
        Takes the lines; default the logging of this process.
    """

    def __init__(self, metrics: Metrics, lines: Lines | None = None) -> None:
        self._metrics, self._lines = metrics, lines
        self._json = lines is not None and lines.format == "json"
        self._second, self._prefix = -1, ""
        self._pid = os.getpid()
        if lines is not None:
            lines.dropped = metrics.lines_dropped

    def tell(
        self, method: str, route: str, status: int, seconds: float, state: Mapping[str, Any]
    ) -> None:
        """Tell of one request: `route` is its template, `state` what the gate knows of it."""
        self._metrics.observe(route, method, status, seconds)
        request_id, caller = state.get("request_id", ""), state.get("caller", "")
        method = method if method in METHODS else OTHER
        if self._lines is None:
            log.info("%s %s %d %.1f ms", method, route, status, 1000 * seconds)
        elif self._json:
            ms = 1000 * seconds
            self._lines.put(
                f'{{"time":"{self._moment()}","level":"INFO","logger":"leadml.api",'
                f'"message":"{method} {route} {status} {ms:.1f} ms","request_id":"{request_id}",'
                f'"method":"{method}","route":"{route}","status":{status},"ms":{ms:.3f},'
                f'"caller":{_quoted(caller)},"pid":{self._pid}}}\n'
            )
        else:
            self._lines.put(
                f"{self._moment()} INFO {method} {route} {status} {1000 * seconds:.1f} ms "
                f"{caller} [{request_id}]\n"
            )

    def overloaded(self) -> None:
        """Count a request that was refused because too much was waiting."""
        self._metrics.overloaded()

    def _moment(self) -> str:
        """Return now as `log_lines.moment` does; whole seconds are written once."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._prefix}.{int(now % 1 * 1000):03d}Z"


@lru_cache(maxsize=1024)
def _quoted(text: str) -> str:
    return json.dumps(text)
