"""How a process that serves shares itself between its threads, and what it never looks through."""

import gc
import sys

SWITCH_SECONDS = 0.001
"""How long a thread may keep the others from running Python: a fifth of the interpreter's own.

While a batch is scored, or scores go to the ledger, a single lead waits so long at each step.
"""


def settle() -> None:
    """Set a process up that has loaded what it serves.

    What is there by now stays: the collector of garbage need not look through it again, which would
    stop all answers for tens of milliseconds.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
