"""What `send` posts to: only remembers, and answers as it is told."""

from fakes.server import Fake, as_json


class ReceiverFake(Fake):
    def __init__(self, secret):
        super().__init__()
        self.secret = secret
        self.ok = as_json(200, {"accepted": 27, "rejected": 0})

    def answer(self, seen):
        if seen.headers.get("Authorization") != f"Basic {self.secret}":
            return as_json(401, {"error": "The secret is missing or wrong."}, ("WWW-Authenticate", "Basic"))
        return self.ok
