"""The garbage collector is off for a piece of work, and then as it was."""

import gc

import pytest

from leadml.workflows.collecting import not_collecting


def test_it_is_as_it_was_afterwards() -> None:
    assert gc.isenabled()
    with not_collecting():
        assert not gc.isenabled()
        with not_collecting():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(KeyError), not_collecting():
        raise KeyError
    assert gc.isenabled()
