"""A Flask whose requests cost a quarter; views, blueprints, hooks, error handlers and other servers are as ever.

What Flask makes for every request and nobody here asks for (a session, the URL adapter, a request's and an answer's
headers, hooks without a function) is made when somebody asks. Around an empty view that takes 40 microseconds down to
10, see `python -m tests.benchmarks.parts`. Only what Flask and Werkzeug document is overridden.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, appcontext_tearing_down, request_tearing_down
from flask.sessions import NullSession, SessionInterface
from werkzeug.exceptions import BadHost
from werkzeug.routing import MapAdapter, Rule

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

Environ = dict[str, Any]


class NoSessions(SessionInterface):
    """The same empty one for all: Flask's own looks for a key and a cookie each time."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """Return the empty one; called by Flask."""
        return self._none


class LightRequest(Request):
    """Lets Werkzeug look up what stands in the environ when it is first asked for."""

    def __init__(self, environ: Environ, populate_request: bool = True, shallow: bool = False) -> None:
        self.environ, self.shallow, self.method = environ, shallow, environ["REQUEST_METHOD"].upper()
        if populate_request and not shallow:
            environ["werkzeug.request"] = self

    def __getattr__(self, name: str) -> Any:
        """Make it whole for what is not there yet, or not at all."""
        if "headers" in self.__dict__:
            raise AttributeError(name)
        super().__init__(self.environ, populate_request=False, shallow=self.shallow)
        return getattr(self, name)


class LightResponse(Response):
    """JSON in bytes with status 200; what else an answer may be, it becomes when somebody asks or changes it."""

    def __init__(self, response: Any = None, status: Any = None, headers: Any = None, mimetype: str | None = None,
                 *args: Any, **options: Any) -> None:
        if type(response) is bytes and mimetype == "application/json" and not (status or headers or args or options):
            self.__dict__["_json"] = response
        else:
            super().__init__(response, status, headers, mimetype, *args, **options)

    def _make_whole(self) -> None:
        if "_json" in self.__dict__:
            super().__init__(self.__dict__.pop("_json"), mimetype="application/json")

    def __getattr__(self, name: str) -> Any:
        """Make it whole for what is not there yet, or not at all."""
        if "_json" not in self.__dict__:
            raise AttributeError(name)
        self._make_whole()
        return getattr(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._make_whole()
        super().__setattr__(name, value)

    @property
    def status_code(self) -> int:
        """As of any answer."""
        return 200 if "_json" in self.__dict__ else super().status_code

    @status_code.setter
    def status_code(self, code: int) -> None:
        self.status = code  # as Werkzeug's own

    def __call__(self, environ: Environ, start_response: Any) -> Any:
        """Answer as a WSGI application."""
        body = self.__dict__.get("_json")
        if body is None or environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


class LightAdapter:
    """A request's URL adapter, which is made only where its path has no rule that one like it has met before."""

    def __init__(self, app: LightFlask, request: Request) -> None:
        self._app, self._request = app, request
        self._adapter: MapAdapter | None = None

    def match(self, *args: Any, **options: Any) -> Any:
        """Return the rule and its values, as Flask asks for it."""
        environ, rules = self._request.environ, self._app.rules_met
        key = self._request.method, environ["PATH_INFO"]
        if args or options != {"return_rule": True} or "HTTP_UPGRADE" in environ:
            return self._whole().match(*args, **options)
        if key not in rules:
            rule, values = self._whole().match(return_rule=True)
            if values or rule.rule != key[1]:  # a path is a stranger's to choose; a rule meets endless ones
                return rule, values
            rules[key] = rule
        return rules[key], {}

    def _whole(self) -> MapAdapter:
        if self._adapter is None:
            try:
                self._adapter = Flask.create_url_adapter(self._app, self._request)
            except BadHost:  # a path that is known already is not asked for its host either
                environ = self._request.environ | {"HTTP_HOST": "localhost"}
                self._adapter = self._app.url_map.bind_to_environ(environ)
        assert self._adapter is not None
        return self._adapter

    def __getattr__(self, name: str) -> Any:
        """Return what Werkzeug's adapter has."""
        return getattr(self._whole(), name)


class LightFlask(Flask):
    """The application of `create_app`."""

    session_interface = NoSessions()
    request_class = LightRequest
    response_class = LightResponse

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.rules_met: dict[tuple[str, str], Rule] = {}
        """By method and path, those that take no values from it."""

    def create_url_adapter(self, request: Request | None) -> Any:
        """Return a light one; where hosts decide, Flask's own."""
        if request is None or self.config["TRUSTED_HOSTS"] or self.url_map.host_matching or self.subdomain_matching:
            return super().create_url_adapter(request)
        return LightAdapter(self, request)

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Run the hooks, where there are any; called by Flask, as those below."""
        return super().preprocess_request() if self.before_request_funcs or self.url_value_preprocessors else None

    def do_teardown_request(self, *args: Any) -> None:
        """Run the hooks after the answer."""
        if self.teardown_request_funcs or request_tearing_down.receivers:
            super().do_teardown_request(*args)

    def do_teardown_appcontext(self, *args: Any) -> None:
        """Run the hooks after the request."""
        if self.teardown_appcontext_funcs or appcontext_tearing_down.receivers:
            super().do_teardown_appcontext(*args)
