"""Why there is no answer, from what requests and urllib3 raise.

The libraries' own words are never shown: they hold addresses of objects, and of proxies with their passwords.
"""

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError, TimeoutError


class NotSent(requests.RequestException):
    """Where requests lets other libraries' exceptions through; the text says why, in our words."""


class AnswerTooLarge(requests.RequestException):
    """An answer that was read no further than its limit; the text says so, in our words."""


def was_not_sent(error: requests.RequestException) -> bool:
    """Return whether the connection was never made, so that nothing can have been carried out."""
    early = (NotSent, requests.exceptions.ConnectTimeout, requests.exceptions.SSLError,
             requests.exceptions.ProxyError)
    return isinstance(error, early) or isinstance(cause(error), NewConnectionError)


def cause(error: requests.RequestException) -> object:
    """Return what urllib3 says below what requests says."""
    return getattr(error.args[0], "reason", error.args[0]) if error.args else None


def reason(error: requests.RequestException) -> str:
    """Return why there is no answer, in our words."""
    if isinstance(error, NotSent | AnswerTooLarge):
        return str(error)
    if isinstance(error, requests.exceptions.SSLError):
        return "its TLS certificate is not trusted, or it speaks no TLS"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy named in the environment fails"
    if isinstance(cause(error), NameResolutionError):
        return "its name is unknown"
    if isinstance(cause(error), NewConnectionError):
        return "it cannot be reached"
    if isinstance(error, requests.Timeout) or isinstance(cause(error), TimeoutError):
        return "it took too long"
    return "the connection broke off"
