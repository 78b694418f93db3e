"""ExtremeCloud IQ's API for webhooks; the vendor's own client is run against it in the tests."""

from fakes.server import Fake, Reply, as_json

WEBHOOKS = "/subscriptions/webhook"
MEMBERS = {"application", "url", "message_type", "status"}


class ExtremeCloudIQFake(Fake):
    def __init__(self, token):
        super().__init__()
        self.token = token
        self.stored = []
        self.next_id = 1
        self.page_size = 100
        self.old_server = False
        self.hidden_for = 0

    def add(self, url, secret, **more):
        item = {"id": self.next_id, "create_time": "2026-11-22T20:15:00.000+0000",
                "update_time": "2026-11-22T20:15:00.000+0000", "application": "presence-receiver", "url": url,
                "secret": secret, "data_type": "LOCATION", "message_type": "LOCATION_AP_CENTRIC",
                "status": "ENABLED", **more}
        self.next_id += 1
        self.stored.append(item)
        return item

    def answer(self, seen):
        if seen.headers.get("Authorization") != f"Bearer {self.token}":
            return self.error(401, "UNAUTHORIZED", f"Token {seen.headers.get('Authorization')} is invalid")
        if seen.path == WEBHOOKS and seen.method == "GET":
            return self.listing(dict(seen.query))
        if seen.path == WEBHOOKS and seen.method == "POST":
            return self.create(seen.json)
        if seen.method == "DELETE":
            return self.delete(seen)
        return self.error(404, "NOT_FOUND", "No such resource")

    def listing(self, query):
        visible = self.visible()
        if self.old_server:
            return as_json(200, visible)
        size = min(self.page_size, int(query["limit"]))
        page = int(query["page"])
        rows = visible[(page - 1) * size:page * size]
        return as_json(200, {"page": page, "count": len(rows), "total_pages": -(-len(visible) // size),
                             "total_count": len(visible), "data": rows})

    def visible(self):
        """What was created late shows only after a few lists."""
        if self.hidden_for > 0 and self.stored:
            self.hidden_for -= 1
            return self.stored[:-1]
        return self.stored

    def create(self, wanted):
        allowed = MEMBERS | {"secret"}
        if not isinstance(wanted, list) or not all(MEMBERS <= set(item) <= allowed for item in wanted):
            return self.error(400, "INVALID_REQUEST", "Send an array of subscriptions")
        if any(len(item["application"]) > 20 for item in wanted):
            return self.error(400, "INVALID_ARGUMENT", "application is too long")
        for item in wanted:
            kind = item["message_type"]
            kept = {key: value for key, value in item.items() if key not in ("url", "secret")}
            self.add(item["url"], item.get("secret", ""), data_type=kind.rpartition("_")[0].split("_AP")[0]
                     .split("_CLIENT")[0], **kept)
        return Reply(202)

    def delete(self, seen):
        if seen.path == f"{WEBHOOKS}/:delete" and not self.old_server:
            gone = [value for name, value in seen.query if name == "ids"]
        elif self.old_server and seen.path != f"{WEBHOOKS}/:delete":
            gone = [seen.path.rpartition("/")[2]]
        else:
            return self.error(404, "NOT_FOUND", "No such resource")
        self.stored = [item for item in self.stored if str(item["id"]) not in gone]
        return Reply(202)

    def error(self, status, code, message):
        return as_json(status, {"error_code": code, "error_id": "11ff", "error_message": message})
