"""The document of faults: each is shown by tests that are there."""

import pytest

from docs.named_tests import ROOT, Named, is_there, named_in, rows_of

FAULTS = (ROOT / "docs/FAULTS.md").read_text()


@pytest.mark.parametrize("test", named_in(FAULTS), ids="::".join)
def test_a_test_that_is_named_is_there(test: Named) -> None:
    assert is_there(test)


def test_every_fault_says_what_must_happen_and_names_its_test() -> None:
    rows = rows_of(FAULTS)
    assert len(rows) > 32
    for fault, outcome, tests in rows:
        assert fault and outcome
        assert named_in(tests), fault
