"""Months of moments in the configured zone."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def months_of(moments: NDArray[np.datetime64], timezone: str) -> NDArray[np.object_]:
    """Return the month of each UTC moment in the zone, such as ``2026-01``; None where unknown."""
    local = pd.Series(pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(timezone))
    months = local.dt.strftime("%Y-%m").astype(object)
    return months.where(local.notna(), None).to_numpy(dtype=object)
