"""What a process does before it serves."""

import gc
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from leadml.api.process import SWITCH_SECONDS, settle

ARENAS = """\
import ctypes, sys, threading
from leadml.api.process import share_memory
if sys.argv[2] == "shared":
    share_memory()
def work():
    kept = [bytes(5_000) for _ in range(100)]
    started.wait(10)
started = threading.Barrier(5)
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
started.wait(10)
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
to = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, to)
libc.fclose(to)
"""


def test_threads_take_short_turns_and_what_is_loaded_is_not_looked_through_again() -> None:
    before = sys.getswitchinterval()
    try:
        settle()
        assert sys.getswitchinterval() == SWITCH_SECONDS < before
        assert gc.get_freeze_count() > 10_000
    finally:
        sys.setswitchinterval(before)
        gc.unfreeze()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are glibc's")
def test_threads_share_one_arena(tmp_path: Path) -> None:
    def arenas(how: str) -> int:
        told = tmp_path / how
        subprocess.run([sys.executable, "-c", ARENAS, told, how], check=True, timeout=60)
        return told.read_text().count("<heap ")

    assert arenas("shared") == 1 < arenas("each its own")
