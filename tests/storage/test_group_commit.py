import errno
import threading
import time
from contextlib import contextmanager

import pytest
from running import wait_until

from presence_receiver.storage import group_commit, thread_pool
from presence_receiver.storage.group_commit import GroupCommit


class Locked:
    """A group commit whose lock and commits the test holds up and looks at."""

    def __init__(self):
        self.mutex, self.asked, self.groups, self.told = threading.Lock(), [], [], []
        self.may_commit, self.failure = threading.Event(), None
        self.may_commit.set()
        self.commits = GroupCommit(self.locked, self.commit, self.told.append)

    @contextmanager
    def locked(self, waits):
        self.asked.append(waits)
        is_held = self.mutex.acquire(blocking=waits)
        try:
            yield is_held
        finally:
            if is_held:
                self.mutex.release()

    def commit(self, group):
        self.groups.append(list(group))
        self.may_commit.wait(20)
        if self.failure:
            self.failure(group)

    def join(self, text, seconds=20):
        """Join in a thread; its outcome is in the list that this returns, in the end."""
        outcome = []

        def join():
            try:
                outcome.append(self.commits.join(text, b"", seconds))
            except Exception as error:
                outcome.append(error)
        threading.Thread(target=join, daemon=True).start()
        return outcome

    def waiting(self, count):
        wait_until(lambda: len(self.commits._queue) == count, what=f"{count} in the queue")


@pytest.fixture
def lock():
    return Locked()


def outcomes(*joined):
    return [wait_until(lambda: one, what="an outcome")[0] for one in joined]


def test_the_group_is_formed_when_the_lock_is_had(lock):
    with lock.mutex:
        joined = [lock.join(b"a")]
        lock.waiting(1)
        joined += [lock.join(b"b"), lock.join(b"c")]
        lock.waiting(3)
    assert outcomes(*joined) == [None] * 3
    assert [sorted(group) for group in lock.groups] == [[(b"a", b""), (b"b", b""), (b"c", b"")]]


def test_each_has_its_own_time_and_leaves_before_it_is_refused(lock):
    with lock.mutex:
        early, late = lock.join(b"early", 0.05), lock.join(b"late")
        assert isinstance(*outcomes(early), TimeoutError)
        lock.waiting(1)
        assert late == []
    assert outcomes(late) == [None]
    assert lock.groups == [[(b"late", b"")]]


def test_a_lock_that_nobody_wants_any_more_is_given_back_and_the_next_goes_on(lock):
    with lock.mutex:
        assert isinstance(*outcomes(lock.join(b"a", 0.02)), TimeoutError)
    wait_until(lambda: not lock.commits._is_led, what="the thread to give the lock back")
    assert lock.mutex.acquire(timeout=5)
    lock.mutex.release()
    assert lock.groups == []
    assert outcomes(lock.join(b"b")) == [None]


def test_one_thread_waits_for_the_lock_however_many_deliveries_do(lock):
    with lock.mutex:
        joined = [lock.join(bytes([number])) for number in range(20)]
        lock.waiting(20)
        wait_until(lambda: lock.asked == [False, True], what="the waiting thread")
    assert outcomes(*joined) == [None] * 20
    assert lock.asked == [False, True]


def test_what_is_written_waits_for_its_sync_however_long_but_an_empty_batch_does_not(lock):
    lock.may_commit.clear()
    with lock.mutex:
        lines, check = lock.join(b"a", 1), lock.join(b"", 1)
        lock.waiting(2)
    wait_until(lambda: lock.groups, what="the commit to begin")
    deadline = time.monotonic() + 1.2
    assert isinstance(*outcomes(check), TimeoutError)
    wait_until(lambda: time.monotonic() > deadline)
    assert lines == []
    lock.may_commit.set()
    assert outcomes(lines) == [None]


def test_a_leader_that_leaves_is_followed_by_the_next(lock):
    lock.may_commit.clear()
    first = lock.join(b"first")
    wait_until(lambda: lock.groups, what="the first commit")
    leaving, staying = lock.join(b"leaving", 0.1), None
    lock.waiting(1)
    staying = lock.join(b"staying")
    assert isinstance(*outcomes(leaving), TimeoutError)
    lock.may_commit.set()
    assert outcomes(first, staying) == [None, None]
    assert lock.groups == [[(b"first", b"")], [(b"staying", b"")]]


@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), ValueError("odd"), MemoryError()])
def test_whatever_a_commit_raises_everybody_gets_it_and_the_next_goes_on(lock, error):
    def fail(group):
        raise error

    lock.failure = fail
    with lock.mutex:
        joined = [lock.join(b"a"), lock.join(b"b")]
        lock.waiting(2)
    assert outcomes(*joined) == [error, error]
    lock.failure = None
    assert outcomes(lock.join(b"c")) == [None]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG])
def test_of_a_group_that_does_not_fit_each_is_tried_alone(lock, number):
    def fail(group):
        if sum(len(lines) for lines, _ in group) > 3:
            raise OSError(number, "full")

    lock.failure = fail
    with lock.mutex:
        small, large, another = lock.join(b"a"), lock.join(b"large"), lock.join(b"bb")
        lock.waiting(3)
    found = outcomes(small, large, another)
    assert [found[0], getattr(found[1], "errno", None), found[2]] == [None, number, None]
    wait_until(lambda: lock.told)
    assert sorted(lock.told[0]) == [(b"a", b""), (b"bb", b"")]


def test_the_lock_is_given_back_while_each_is_tried_alone(lock, monkeypatch):
    def fail(group):
        if len(group) > 1:
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(group_commit, "HOLD_SECONDS", 0)
    lock.failure = fail
    with lock.mutex:
        joined = []
        for count, text in enumerate([b"a", b"b", b"c"], start=1):
            joined.append(lock.join(text))
            lock.waiting(count)
    assert outcomes(*joined) == [None] * 3
    a, b, c = (b"a", b""), (b"b", b""), (b"c", b"")
    assert lock.groups == [[a, b, c], [a], [b, c], [b], [c]]
    wait_until(lambda: lock.told == [[a], [b], [c]], what="the last to be told")


def test_who_is_tried_alone_later_has_no_more_than_its_time(lock, monkeypatch):
    def fail(group):
        if len(group) > 1:
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(group_commit, "HOLD_SECONDS", 0)
    monkeypatch.setattr(group_commit, "JOIN_SECONDS", 0)
    lock.failure = fail
    commits = lock.commits = GroupCommit(lock.locked, lock.commit, lambda group: lock.mutex.acquire())
    with lock.mutex:
        first = lock.join(b"a")
        lock.waiting(1)
        second = lock.join(b"b", 0.5)
        lock.waiting(2)
    # the lock is somebody else's from the first one's commit on
    assert [outcomes(first)[0], type(*outcomes(second))] == [None, TimeoutError]
    lock.mutex.release()
    wait_until(lambda: not commits._is_led, what="the lock to be given back")
    assert lock.groups == [[(b"a", b""), (b"b", b"")], [(b"a", b"")]]


def test_a_lock_that_cannot_be_had_at_all_is_told_to_everybody(lock):
    @contextmanager
    def broken(waits):
        raise PermissionError(errno.EACCES, "no")
        yield

    commits = GroupCommit(broken, lock.commit, lock.told.append)
    with pytest.raises(PermissionError):
        commits.join(b"a", b"")


def test_it_is_stuck_from_the_first_refusal_or_five_seconds_on_until_a_commit_is_over(lock, monkeypatch):
    with lock.mutex:
        waiting = lock.join(b"a")
        lock.waiting(1)
        assert not lock.commits.is_stuck()
        monkeypatch.setattr(group_commit, "JOIN_SECONDS", 0.01)
        wait_until(lock.commits.is_stuck, what="being stuck")
        monkeypatch.undo()
        assert not lock.commits.is_stuck()
        assert isinstance(*outcomes(lock.join(b"b", 0.01)), TimeoutError)
        assert lock.commits.is_stuck()
    assert outcomes(waiting) == [None]
    wait_until(lambda: not lock.commits.is_stuck(), what="being well again")


def test_the_next_keeps_its_deadline_when_the_first_has_left(lock, monkeypatch):
    with lock.mutex:
        first = lock.join(b"a", 0.05)
        lock.waiting(1)
        monkeypatch.setattr(group_commit, "JOIN_SECONDS", 0)
        rest = [lock.join(b"b", 0.1), lock.join(b"c", 0.1)]
        assert [type(found) for found in outcomes(first, *rest)] == [TimeoutError] * 3
    wait_until(lambda: not lock.commits._is_led, what="the lock to be given back")
    assert lock.groups == []


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_what_would_fail_again_is_not_tried_again(lock, number):
    def fail(group):
        raise OSError(number, "no")

    lock.failure = fail
    with lock.mutex:
        joined = [lock.join(b"a")]
        lock.waiting(1)
        if number == errno.EIO:
            joined.append(lock.join(b"b"))
            lock.waiting(2)
    assert [error.errno for error in outcomes(*joined)] == [number] * len(joined)
    assert len(lock.groups) == 1


def test_the_leader_waits_as_long_as_others_keep_coming(lock, monkeypatch):
    rounds, joined = [], []

    def another_comes_twice():
        rounds.append(len(lock.commits._queue))
        if len(rounds) < 3:
            joined.append(lock.join(b"b"))
            lock.waiting(len(rounds) + 1)

    monkeypatch.setattr(group_commit, "GATHER_SECONDS", 20)
    monkeypatch.setattr(thread_pool, "let_others_go_on", another_comes_twice)
    lock.commits.join(b"a", b"")
    assert outcomes(*joined) == [None, None]
    assert (rounds, lock.groups) == ([1, 2, 3], [[(b"a", b""), (b"b", b""), (b"b", b"")]])


def test_who_leaves_lets_the_leader_lead(lock):
    with lock.mutex:
        first = lock.join(b"a")
        wait_until(lambda: lock.asked == [False, True], what="the first to lead")
        assert isinstance(*outcomes(lock.join(b"b", 0.05)), TimeoutError)
        assert lock.commits._is_led
    assert outcomes(first) == [None]
    assert lock.asked == [False, True]


def test_a_leader_that_is_interrupted_before_it_leads_is_followed_by_the_next(lock, monkeypatch):
    def interrupted(signal, deadline):
        raise KeyboardInterrupt

    monkeypatch.setattr(thread_pool, "wait_until", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lock.commits.join(b"a", b"")
    monkeypatch.undo()
    assert outcomes(lock.join(b"b")) == [None]
    assert lock.groups == [[(b"b", b"")]]


def test_the_first_behind_a_commit_that_hangs_keeps_its_deadline(lock, monkeypatch):
    monkeypatch.setattr(group_commit, "JOIN_SECONDS", 0)
    lock.may_commit.clear()
    first = lock.join(b"a")
    wait_until(lambda: lock.groups, what="the first commit")
    assert isinstance(*outcomes(lock.join(b"b", 0.1)), TimeoutError)
    lock.may_commit.set()
    assert outcomes(first) == [None]


def test_who_is_written_waits_without_asking_for_the_time(lock, monkeypatch):
    asked, wait = [], thread_pool.wait_until
    monkeypatch.setattr(thread_pool, "wait_until", lambda *given: asked.append(given) or wait(*given))
    lock.may_commit.clear()
    with lock.mutex:
        joined = lock.join(b"a", 0.3)
        lock.waiting(1)
        wait_until(lambda: lock.commits._began, what="the first to lead")
    wait_until(lambda: lock.groups, what="the commit to begin")
    wait_until(lambda: asked[-1][1] is None, what="it to wait for the outcome")
    count = len(asked)
    late = time.monotonic() + 0.1
    wait_until(lambda: time.monotonic() > late)
    assert len(asked) == count
    lock.may_commit.set()
    assert outcomes(joined) == [None]


def test_a_commit_that_could_not_begin_is_not_stuck(monkeypatch):
    one = Locked()

    def no_thread(*_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without:
        without.setattr(thread_pool, "start", no_thread)
        with pytest.raises(RuntimeError):
            one.commits.join(b"x", b"")
    monkeypatch.setattr(group_commit, "JOIN_SECONDS", 0)
    assert not one.commits.is_stuck()
