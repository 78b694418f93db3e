"""How long one call may take in all, and whether it is made again. Knows no vendor and no credentials.

requests' timeout is one read's: a server that sends a byte now and then would never end, and each repetition would
have the whole time again.
"""

import queue
import threading
import time
from collections.abc import Callable

import requests
from urllib3.exceptions import InvalidHeader
from urllib3.util.retry import Retry

from presence_receiver.http_client.failures import AnswerTooLarge, was_not_sent

RETRIES = 3
BACK_OFF = 0.5  # seconds; doubled each time
LONGEST_RETRY_AFTER = 60  # seconds
WORTH_REPEATING = frozenset({429, 502, 503, 504})

Attempt = Callable[[float], requests.Response]
Tell = Callable[[str], None]


def within(seconds: float, attempt: Callable[[], requests.Response]) -> requests.Response:
    """Return what the attempt returns or raise what it raises; requests.Timeout when the time is over.

    Then its thread is left to itself: nothing else stops a name's look-up or an answer that drips.
    """
    if seconds <= 0:  # a pause before it may have lasted longer than it should
        raise requests.Timeout
    outcomes: queue.SimpleQueue[requests.Response | Exception] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcomes.put(attempt())
        except Exception as error:  # whatever it is belongs to the caller's thread, which raises it again
            outcomes.put(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        outcome = outcomes.get(timeout=seconds)
    except queue.Empty:
        raise requests.Timeout from None
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def persist(attempt: Attempt, seconds: float, tell: Tell) -> requests.Response:
    """Attempt it, and again where that may help, for so many seconds in all; each repetition is told.

    The attempt is given the seconds that are left. What the last one returned or raised is returned or raised.
    """
    end = time.monotonic() + seconds
    for number in range(RETRIES):
        response, failure = outcome(attempt, end)
        pause = pause_before_next(response, failure, number)
        if pause is None or time.monotonic() + pause >= end:
            break
        tell(f"{'No answer' if response is None else f'Answered {response.status_code}'}; "
             f"trying again in {pause:.1f} s.")
        time.sleep(pause)
    else:
        response, failure = outcome(attempt, end)
    if response is None:
        raise failure or requests.Timeout
    return response


def outcome(attempt: Attempt, end: float) -> tuple[requests.Response | None, requests.RequestException | None]:
    """Return an attempt's answer, or why there is none."""
    try:
        return attempt(end - time.monotonic()), None
    except requests.RequestException as error:
        return None, error


def pause_before_next(response: requests.Response | None, failure: requests.RequestException | None,
                      number: int) -> float | None:
    """Return the seconds to wait before the next attempt, or None where another would bring nothing else."""
    doubled: float = BACK_OFF * 2 ** number if number else 0
    if response is None:
        is_hopeless = isinstance(failure, AnswerTooLarge) or failure is not None and was_not_sent(failure)
        return None if is_hopeless else doubled
    if response.status_code not in WORTH_REPEATING:
        return None
    return min(retry_after(response) or doubled, LONGEST_RETRY_AFTER)


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds that the answer asks to wait, which it may give as a date."""
    try:
        return Retry().parse_retry_after(response.headers["Retry-After"])
    except (KeyError, InvalidHeader, ValueError, OverflowError):  # of years and numbers beyond all bounds
        return None
