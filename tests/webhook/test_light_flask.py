"""LightFlask answers as Flask does, whatever is registered, and under whatever server."""
import http.client
import json
import subprocess
import sys
from functools import partial

import pytest
from flask import (
    Blueprint, Flask, Response, abort, appcontext_popped, appcontext_pushed, appcontext_tearing_down, current_app, g,
    request, request_finished, request_started, request_tearing_down, session, url_for,
)
from reading import lines
from running import AUTHORIZED, ROOT, environment, free_port, wait_until
from werkzeug.test import create_environ

from presence_receiver.webhook import LightFlask

GOOD = {"clientMac": "5CB901642E60", "seenEpoch": 1463828775360}
JSON = b'{"accepted":3}\n'
SIGNALS = [appcontext_popped, appcontext_pushed, appcontext_tearing_down, request_finished, request_started,
           request_tearing_down]
CHANGES = {
    "nothing": lambda answer: None,
    "its status": lambda answer: setattr(answer, "status_code", 202),
    "its header": lambda answer: answer.headers.update({"X-More": "1"}),
    "its cookie": lambda answer: answer.set_cookie("name", "value"),
    "its body": lambda answer: answer.set_data(b"[1, 2]"),
    "its type": lambda answer: setattr(answer, "content_type", "text/plain"),
    "what follows it": lambda answer: answer.call_on_close(partial(g.events.append, "closed")),
}


def light_answers(change, body=JSON):
    """The view's answer to a delivery, and what a hook makes of it."""
    answer = current_app.response_class(body, mimetype="application/json")
    change(answer)
    return answer


VIEWS = {
    "/json": lambda: current_app.response_class(JSON, mimetype="application/json"),
    "/plain": lambda: "plain",
    "/values/<int:number>": lambda number: {"number": number},
    "/slash/": lambda: "slash",
    "/asked": lambda: {
        "url": request.url, "here": url_for(request.endpoint), "args": request.args, "type": request.content_type,
        "data": request.get_data(as_text=True), "agent": str(request.user_agent), "from": request.remote_addr,
        "session": len(session), "none": hasattr(request, "nothing"), "blueprints": request.blueprints,
    },
    "/lost": lambda: abort(404),
    "/odd": lambda: {}[request.path],
    "/fault": lambda: 1 / 0,
}


def views(app):
    blueprint = Blueprint("ours", __name__)
    for name, change in CHANGES.items():
        blueprint.post(f"/{name.replace(' ', '-')}", endpoint=name)(lambda change=change: light_answers(change))
    for rule, view in VIEWS.items():
        blueprint.get(rule, endpoint=rule)(view)
    blueprint.post("/only", provide_automatic_options=False, endpoint="only")(lambda: ("only", 201))
    blueprint.errorhandler(KeyError)(lambda error: (f"odd: {error}", 409))
    app.register_blueprint(blueprint)
    app.register_error_handler(404, lambda error: ("lost", 404))
    return app


def hooks(app, events):
    """All kinds, which tell what they were called with."""
    app.url_value_preprocessor(lambda endpoint, values: events.append(("values", endpoint, str(values))))
    app.before_request(lambda: events.append("before") or setattr(g, "events", events))
    app.after_request(lambda answer: events.append(("after", answer.status_code, answer.mimetype)) or answer)
    app.teardown_request(lambda error: events.append(("request is over", repr(error))))
    app.teardown_appcontext(lambda error: events.append(("context is over", repr(error))))
    return app


REQUESTS = [("POST", f"/{name.replace(' ', '-')}") for name in CHANGES if name != "what follows it"] + [
    (method, path) for method in ("GET", "HEAD", "OPTIONS", "POST") for path in (
        "/json", "/plain", "/values/12", "/values/x", "/slash", "/slash/", "/only", "/asked?one=1", "/lost", "/odd",
        "/fault", "/nothing", "//plain")
]


def outcome(app, method, path):
    answer = app.test_client().open(path, method=method, data="text", content_type="text/plain")
    found = answer.status, [*answer.headers], answer.data
    answer.close()
    return found


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_it_answers_as_flask(method, path):
    # twice, since the second time the path is known
    outcomes = [[outcome(app, method, path) for _ in range(2)] for app in map(views, (Flask("x"), LightFlask("x")))]
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("host", ["a..b", ".example.org", f"{'a' * 64}.example.org", "x" * 300])
def test_where_no_host_decides_none_is_refused(host):
    app, answered = views(LightFlask("x")), []
    for _ in range(2):  # the second time the path is known
        environ = create_environ("/json") | {"HTTP_HOST": host}
        app.wsgi_app(environ, lambda status, headers: answered.append(status))
    assert answered == ["200 OK"] * 2


def test_no_path_that_a_stranger_makes_up_is_kept():
    app = views(LightFlask("x"))
    asked = [f"{'/' * count}nothing" for count in range(1, 9)] + ["/" * count for count in range(1, 9)]
    asked += [f"{'/' * count}{path}" for _, path in REQUESTS for count in range(8)]
    for path in asked:
        app.wsgi_app(create_environ("/") | {"PATH_INFO": path}, lambda *_: None)
    assert {path for _, path in app.rules_met} <= {rule.rule for rule in app.url_map.iter_rules()}


@pytest.mark.parametrize(("method", "path"), [*REQUESTS, ("POST", "/what-follows-it")])
def test_hooks_are_called_as_by_flask(method, path):
    outcomes = []
    for application in (Flask("x"), LightFlask("x")):
        events = []
        app = hooks(views(application), events)
        outcomes.append([[outcome(app, method, path) for _ in range(2)], events])
    assert outcomes[0] == outcomes[1]
    assert [event[0] for event in outcomes[1][1]].count("request is over") == 2
    assert ("closed" in outcomes[1][1]) == (path == "/what-follows-it")


def test_signals_are_sent():
    app, came = views(LightFlask("x")), []
    receivers = [(signal, lambda *_, name=signal.name, **__: came.append(name)) for signal in SIGNALS]
    for signal, receiver in receivers:
        signal.connect(receiver, app)
    app.test_client().get("/plain")
    assert sorted(came) == sorted(signal.name for signal in SIGNALS)


@pytest.mark.parametrize("trusted", [None, ["known.example.org"]])
def test_a_host_is_judged_where_flask_is_told_to(trusted):
    app = views(LightFlask("x"))
    app.config["TRUSTED_HOSTS"] = trusted
    hosts = ({"Host": "known.example.org"}, {"Host": "strange.example.org"})
    statuses = [app.test_client().get("/plain", headers=host).status_code for host in hosts]
    assert statuses == [200, 400 if trusted else 200]


def test_what_answers_before_the_view_is_called_alone():
    app = views(LightFlask("x"))
    app.before_request(lambda: ("early", 418))
    assert app.test_client().get("/plain").status_code == 418


def test_an_upgrade_is_judged_by_flask():
    headers = {"Connection": "upgrade", "Upgrade": "websocket"}
    app = views(LightFlask("x"))
    assert [app.test_client().get("/plain", headers=each).status_code for each in ({}, headers)] == [200, 400]


def test_the_request_is_in_its_environ():
    environ = create_environ("/plain")
    assert LightFlask("x").request_class(environ) is environ["werkzeug.request"]


def test_an_answer_is_made_whole_only_when_somebody_asks():
    app = views(LightFlask("x"))
    with app.test_request_context("/json"):
        answer = light_answers(CHANGES["nothing"])
        assert answer.status_code == 200
        assert "headers" not in vars(answer)
        assert (answer.get_data(), answer.mimetype, "headers" in vars(answer)) == (JSON, "application/json", True)


def test_other_answers_are_whole_at_once():
    app = LightFlask("x")
    answers = [app.response_class("text"), app.response_class(JSON, 201, mimetype="application/json"),
               app.response_class(JSON, mimetype="text/plain")]
    assert [(answer.status_code, answer.mimetype) for answer in answers] == [
        (200, "text/html"), (201, "application/json"), (200, "text/plain")]
    assert all(isinstance(answer, Response) and "headers" in vars(answer) for answer in answers)


SERVERS = {
    "flask run": ["-m", "flask", "--app", "wsgi", "run", "--port", "{port}"],
    "gthread": ["-m", "gunicorn", "--config", "python:presence_receiver.server.config", "--worker-class", "gthread",
                "--http-parser", "python", "--bind", "127.0.0.1:{port}", "wsgi:app"],
}


@pytest.mark.parametrize("name", SERVERS)
def test_it_works_under_other_servers(name, tmp_path):
    port = free_port()
    command = [sys.executable, *(part.format(port=port) for part in SERVERS[name])]
    with open(tmp_path / "log", "wb") as log, subprocess.Popen(
        command, cwd=ROOT, env=environment(tmp_path / "data"), stdout=log, stderr=log,
    ) as process:
        def answers(method="GET", path="/", body=None, headers=None):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            try:
                connection.request(method, path, body, headers or {})
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())
            except OSError:
                return None
            finally:
                connection.close()
        try:
            wait_until(answers, what="the server to answer")
            found = [answers("POST", "/presence", json.dumps([{"observations": [GOOD]}]), AUTHORIZED) for _ in range(2)]
            lost = answers("GET", "/nothing")
        finally:
            process.terminate()
    assert found == [(200, {"accepted": 1, "rejected": 0})] * 2
    assert lost == (404, {"error": "There is nothing at this path; deliveries go to POST /presence."})
    assert [line["clientMac"] for line in lines(tmp_path / "data")] == [GOOD["clientMac"]] * 2
