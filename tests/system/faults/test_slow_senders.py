"""Two hundred senders that are idle or drip, while others deliver."""
import time

from accounting import account
from dripping import slow_senders
from sending import Ledger, post


def test_good_deliveries_are_answered_within_a_second(start, note, long):
    one, ledger, took = start(), Ledger(), []
    with slow_senders(one, 200):
        end = time.monotonic() + long(5, 70)
        while time.monotonic() < end:
            began = time.monotonic()
            assert post(one, ledger, 3) == 200
            took.append(time.monotonic() - began)
    assert max(took) < 1
    note("200 slow senders", account(ledger, one.folder))
