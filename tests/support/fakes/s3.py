"""An object store as obstore asks one: PUT, GET, DELETE, copies, deleting many, lists of a thousand.

It judges no signature, only whose key signed and when. `.ci/run` asks the same tests of moto, so that it is no mirror.
"""
import datetime
import re
import threading
from email.utils import format_datetime
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from fakes.server import Fake, Reply

MOST_LISTED = 1000
SKEW = datetime.timedelta(minutes=15)


def fault(status, code):
    return Reply(status, f"<Error><Code>{code}</Code></Error>".encode(), (("Content-Type", "application/xml"),))


def done(xml="", *headers):
    return Reply(200, xml.encode(), (("Content-Type", "application/xml"), *headers))


class S3Fake(Fake):
    """`keys` may sign; `behind` is how far its clock is behind ours; what is `hidden` is there and not listed."""

    def __init__(self, *keys):
        super().__init__()
        self.keys, self.behind, self.hidden = keys, datetime.timedelta(), set()
        self.buckets = {}
        self._changing = threading.Lock()

    @property
    def port(self):
        return self.server.server_port

    def now(self):
        return datetime.datetime.now(datetime.UTC) - self.behind

    def answer(self, seen):
        query, headers = dict(seen.query), {name.lower(): value for name, value in seen.headers.items()}
        if refusal := self._refusal(query, headers):
            return refusal
        name, _, key = unquote(seen.path.removeprefix("/")).partition("/")
        if seen.method == "PUT" and not key:
            return self.buckets.setdefault(name, {}) and fault(409, "BucketAlreadyExists") or done()
        if name not in self.buckets:
            return fault(404, "NoSuchBucket")
        with self._changing:
            return getattr(self, f"_{seen.method.lower()}")(self.buckets[name], key, query, headers, seen.body)

    def _refusal(self, query, headers):
        """Of a key that is none of ours, or of a clock that is too far from this one."""
        signed = headers.get("authorization") or f"Credential={query.get('X-Amz-Credential')}"
        if signed.partition("Credential=")[2].partition("/")[0] not in self.keys:
            return fault(403, "InvalidAccessKeyId")
        when = headers.get("x-amz-date") or query["X-Amz-Date"]
        when = datetime.datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
        return fault(403, "RequestTimeTooSkewed") if abs(when - self.now()) > SKEW else None

    def _put(self, bucket, key, query, headers, body):
        source = unquote(headers.get("x-amz-copy-source", "")).lstrip("/").partition("/")[2]
        if source and source not in bucket:
            return fault(404, "NoSuchKey")
        bucket[key] = bucket[source][0] if source else body, self.now()
        return done('<CopyObjectResult><ETag>"1"</ETag></CopyObjectResult>' if source else "", ("ETag", '"1"'))

    def _get(self, bucket, key, query, headers, body):
        if not key:
            return self._listed(bucket, query)
        if key not in bucket:
            return fault(404, "NoSuchKey")
        content, modified = bucket[key]
        told = ("ETag", '"1"'), ("Last-Modified", format_datetime(modified, usegmt=True))
        if found := re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range", "")):
            first, last = int(found[1]), min(int(found[2]), len(content) - 1)
            told = *told, ("Content-Range", f"bytes {first}-{last}/{len(content)}")
            return Reply(206, content[first:last + 1], told)
        return Reply(200, content, told)

    _head = _get

    def _listed(self, bucket, query):
        prefix = query.get("prefix", "")
        after = query.get("continuation-token") or query.get("start-after", "")
        keys = sorted(key for key in bucket if key.startswith(prefix) and key > after and key not in self.hidden)
        folders = {key[:end + 1] for key in keys if "delimiter" in query and (end := key.find("/", len(prefix))) > 0}
        keys = [key for key in keys if not key.startswith(tuple(folders))]
        page = keys[:MOST_LISTED]
        more = len(keys) > MOST_LISTED
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(bucket[key][0])}</Size><ETag>1</ETag>"
            f"<LastModified>{bucket[key][1].isoformat()}</LastModified></Contents>" for key in page)
        contents += "".join(f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>" for each in folders)
        return done(f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}"
                    "</ListBucketResult>")

    def _delete(self, bucket, key, query, headers, body):
        bucket.pop(key, None)
        return Reply(204)

    def _post(self, bucket, key, query, headers, body):
        keys = [each.text for each in ElementTree.fromstring(body).iter() if each.tag.endswith("Key")]
        for each in keys:
            bucket.pop(each, None)
        deleted = "".join(f"<Deleted><Key>{escape(each)}</Key></Deleted>" for each in keys)
        return done(f"<DeleteResult>{deleted}</DeleteResult>")
