"""Names for the arrays that the modules of insight exchange."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.uint8]
"""Hits, of which more than 255 count as 255: no rule asks for more."""
Column = NDArray[Any]
"""One value for each snapshot: flags or counts."""
