"""Whatever happens in whatever order: one result, one winner, and nothing left.

Hypothesis plays random interleavings of invitations (of users and groups), answers, cancels, transfers, requests to be
invited, ACL edits, hold, lock, permissions, connections, media, lost nodes, restarts of signaling and time, each
possibly twice (requests under their requestID of before) or too late, over four users' eight devices and two rooms,
against the rules alone.  After every step `check` holds what must always hold; at the end `wind_down` that nothing is
left.

`make stateful` (or STATEFUL_STEPS=1000000) plays a long run instead of the short one.  INTERLEAVINGS=300 plays the same
few each time, as `make mutants` does for each mutant.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.signaling.qss.happenings import BYTES_A_STEP, play
from tests.signaling.qss.invariants import wind_down
from tests.signaling.qss.town import Town

STEPS = int(os.environ.get("STATEFUL_STEPS", "0"))  # of a long run; 0: the short one of CI
STEPS_AN_INTERLEAVING = 30
FEW = int(os.environ.get("INTERLEAVINGS", "0"))  # of a mutant's run, where each should be told the same; 0: all
SHARES = 1 if FEW else 4  # the same test with other seeds, so that each stays below the time limit of a test
INTERLEAVINGS = FEW or max(20_000, STEPS // STEPS_AN_INTERLEAVING) // SHARES
PROFILE = settings(
    max_examples=INTERLEAVINGS,
    deadline=None,
    database=None,
    derandomize=bool(FEW),
    phases=(Phase.generate,) if FEW else tuple(Phase),  # a mutant is dead at the first failure: it need not be short
    suppress_health_check=list(HealthCheck),
)

BYTES = STEPS_AN_INTERLEAVING * BYTES_A_STEP
scripts = st.binary(min_size=BYTES, max_size=BYTES)  # bytes 0 do nothing: that is how a failing one gets short


@pytest.mark.timeout(0 if STEPS else 120)
@pytest.mark.parametrize("share", range(SHARES))
def test_one_result_one_winner_and_nothing_left(share: int) -> None:
    @PROFILE
    @given(script=scripts, ring_keep_s=st.sampled_from([0.0, 5.0]))
    def holds(script: bytes, ring_keep_s: float) -> None:
        town = Town(ring_keep_s)
        play(town, script)
        wind_down(town)

    holds()
