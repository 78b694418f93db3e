"""Objects as receivers put them into a bucket, and what becomes of them in the files."""
import json
import uuid

from reading import raw_lines

from presence_receiver.extras.bucket.names import Name

ODD = ("The object collector.json at PRESENCE_BUCKET_URL is not what a collector writes: check the endpoint, or start "
       "with --take-over.")
PROCESS = uuid.UUID(int=1).hex


def line(number, received_at="2026-11-22T20:15:00.123456Z"):
    return b'{"receivedAt":"%s","n":%d}\n' % (received_at.encode(), number)


def name(number, accepted=None, stamp="20261122T201500.123456Z", process=PROCESS):
    return Name(stamp, process, number, len(line(number)) if accepted is None else accepted)


def put(store, number, **options):
    store.put(name(number, **options).path, line(number) + line(number))


def once(collect, folder, *arguments, status=0, **options):
    """Collect all that there is into the folder; what was said."""
    one = collect(folder, "--once", *arguments, **options)
    assert one.process.wait(60) == status, one.text()
    return one.text()


def found(folder, stem="presence"):
    return [json.loads(each)["n"] for each in raw_lines(folder, stem)]
