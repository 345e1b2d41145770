"""What a process does before it serves."""

import gc
import sys

from leadml.api.process import SWITCH_SECONDS, settle


def test_threads_take_short_turns_and_what_is_loaded_is_not_looked_through_again() -> None:
    before = sys.getswitchinterval()
    try:
        settle()
        assert sys.getswitchinterval() == SWITCH_SECONDS < before
        assert gc.get_freeze_count() > 10_000
    finally:
        sys.setswitchinterval(before)
        gc.unfreeze()
