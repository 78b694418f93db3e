from presence_receiver.storage.trusted_clock import DAY, TrustedClock

START = 1_800_000_000.0


class Clocks:
    """A wall clock and a counter, both set by hand."""

    def __init__(self):
        self.wall, self.count = START, 5.0
        self.trusted = TrustedClock(lambda: self.wall, lambda: self.count)

    def pass_time(self, seconds):
        self.wall += seconds
        self.count += seconds


def test_a_clock_in_step_is_believed():
    clocks = Clocks()
    clocks.pass_time(10 * DAY)
    assert clocks.trusted.now() == START + 10 * DAY


def test_a_clock_set_forward_is_not_believed_for_a_day():
    clocks = Clocks()
    clocks.wall += DAY
    clocks.pass_time(3600)
    assert clocks.trusted.now() == START + 3600
    clocks.pass_time(DAY - 3601)
    assert clocks.trusted.now() == START + DAY - 1
    clocks.pass_time(1)
    assert clocks.trusted.now() == START + 2 * DAY


def test_a_clock_that_was_put_right_again_is_believed():
    clocks = Clocks()
    clocks.wall += DAY
    assert clocks.trusted.now() == START
    clocks.wall -= DAY
    clocks.pass_time(60)
    assert clocks.trusted.now() == START + 60


def test_a_clock_set_back_is_believed_at_once():
    clocks = Clocks()
    clocks.wall -= 3600
    assert clocks.trusted.now() == START - 3600


def test_a_clock_that_is_put_right_little_by_little_is_believed():
    clocks = Clocks()
    for _ in range(100):
        clocks.pass_time(10)
        clocks.wall += 1
        assert clocks.trusted.now() == clocks.wall
