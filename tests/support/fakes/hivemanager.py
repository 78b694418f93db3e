"""HiveManager's API for webhooks, as far as its page and public code tell."""

from fakes.server import Fake, as_json

EXISTS = "core.service.data.can.not.persist.object"
MEMBERS = {"application", "ownerId", "secret", "url"}
OPTIONAL = {"eventType", "messageType"}


class HiveManagerFake(Fake):
    def __init__(self, credentials, owner_id=1490):
        super().__init__()
        self.credentials = credentials
        self.owner_id = owner_id
        self.stored = []
        self.next_id = 1
        self.page_size = None
        self.total_known = True
        self.bare = False
        self.unique_urls = False
        self.hidden_for = 0

    def add(self, url, secret, **more):
        item = {"id": self.next_id, "application": "presence-receiver", "ownerId": self.owner_id, "url": url,
                "secret": secret, "eventType": "LOCATION", "messageType": "LOCATION_AP_CENTRIC",
                "dateCreated": "2016-12-01T10:00:00.000Z", "dateUpdated": None, **more}
        self.next_id += 1
        self.stored.append(item)
        return item

    def answer(self, seen):
        wrong = [name for name, value in self.credentials.items() if seen.headers.get(name) != value]
        if wrong:
            said = f"Token {seen.headers.get('Authorization')} is invalid"
            return self.error(401, "core.auth.invalid.token", said)
        base, _, rest = seen.path.partition("/configuration/webhooks")
        if base not in ("/xapi/beta", "/xapi/v1"):
            return self.error(404, "core.not.found", "No such resource")
        if seen.method != "POST" and dict(seen.query).get("ownerId") != str(self.owner_id):
            return self.error(403, "core.auth.owner", "Not your owner id")
        return self.route(seen, base, rest)

    def route(self, seen, base, rest):
        if (seen.method, rest) == ("GET", ""):
            return self.listing(seen)
        if (seen.method, rest) == ("POST", ""):
            return self.create(seen)
        if seen.method == "DELETE" and rest.endswith("/"):
            return self.remove(rest.strip("/"))
        if base == "/xapi/beta" and rest == "/eventTypes":
            return self.envelope(["LOCATION"])
        if base == "/xapi/beta" and rest == "/messageTypes" and ("eventType", "LOCATION") in seen.query:
            return self.envelope(["LOCATION_AP_CENTRIC", "LOCATION_CLIENT_CENTRIC"])
        return self.error(404, "core.not.found", "No such resource")

    def listing(self, seen):
        query = dict(seen.query)
        size = int(query.get("pageSize", self.page_size or 500))
        start = int(query.get("page", 0)) * size
        visible = self.visible()
        rows = visible[start:start + size]
        total = len(visible) if self.total_known else -1
        return self.envelope(rows, {"offset": start, "countInPage": len(rows), "totalCount": total})

    def visible(self):
        """What was created late shows only after a few lists."""
        if self.hidden_for > 0 and self.stored:
            self.hidden_for -= 1
            return self.stored[:-1]
        return self.stored

    def create(self, seen):
        body = seen.json
        if "application/json" not in seen.headers.get("Content-Type", "") or seen.query:
            return self.error(415, "core.media", "Send JSON")
        if not MEMBERS <= set(body) <= MEMBERS | OPTIONAL or body["ownerId"] != self.owner_id:
            return self.error(400, "core.service.invalid", "Invalid members")
        if len(body["application"]) > 20:
            return self.error(400, "core.service.invalid", "Validation failed",
                              {"application": ["is too long", "has 30 characters"], "secret": ["is weak"]})
        if self.is_double(body):
            return self.error(400, EXISTS, "Cannot persist object")
        given = {key: body[key] for key in OPTIONAL & set(body)}
        return self.envelope(self.add(body["url"], body["secret"], application=body["application"], **given))

    def is_double(self, body):
        keys = ("url",) if self.unique_urls else ("url", "secret", "application")
        return any(all(item[key] == body[key] for key in keys) for item in self.stored)

    def remove(self, gone):
        kept = [item for item in self.stored if str(item["id"]) != gone]
        if len(kept) == len(self.stored):
            return self.error(404, "core.not.found", "No such webhook")
        self.stored = kept
        return self.envelope(None)

    def envelope(self, data, pagination=None):
        if self.bare:
            return as_json(200, {"data": data})
        return as_json(200, {"data": data, "pagination": pagination, "error": None})

    def error(self, status, code, message, faults=None):
        error = {"status": status, "code": code, "message": message, "rawMessage": message, "errorParams": [],
                 "validationErrors": faults or {}, "moreInfo": None}
        return as_json(status, {"data": None, "pagination": None, "error": error})
