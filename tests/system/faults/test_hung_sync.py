"""A disk that does not come back for a while."""
from concurrent.futures import ThreadPoolExecutor

from reading import raw_lines
from running import timed, wait_until
from sending import delivery

LATE = "The storage at PRESENCE_DATA_DIR could not be written in time: another process holds it, or its disk hangs."


def ready(one):
    """The status of /readyz and what it is unready for."""
    found, seconds = timed(lambda: one.request("GET", "/readyz"))
    assert seconds < 3
    return found.status, found.json.get("error")


def test_what_is_written_waits_for_its_sync_and_what_is_not_is_refused(faults, start):
    one = start(workers=1, variables=faults.variables)
    assert one.post(delivery(1, 1)).status == 200
    with ThreadPoolExecutor(2) as pool:
        faults.on("hang")
        written = pool.submit(one.post, delivery(2, 1))
        wait_until(lambda: len(raw_lines(one.folder)) == 2, what="the line to be written")
        refused, seconds = timed(lambda: one.post(delivery(3, 1)))
        assert (refused.status, 4.5 < seconds < 7) == (503, True)
        wait_until(lambda: ready(one) == (503, LATE), what="/readyz to say so")
        assert not written.done()
        faults.off("hang")
        assert written.result().status == 200
    wait_until(lambda: ready(one) == (200, None), what="/readyz to be well again")
    assert len(raw_lines(one.folder)) == 2
