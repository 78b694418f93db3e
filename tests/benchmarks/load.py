"""Load one server with deliveries and print what came back, as JSON on one line.

    python -m tests.benchmarks.load --port 8000 --size 50 --seconds 4

One process, raw sockets and requests built beforehand: a request costs the sender a send, a wait and a
receive. It reports its own share of a core (`sender_busy`), so that one sees whether it was the
bottleneck. Every delivery that was begun is waited for: each is acknowledged, refused or unanswered.
"""

import argparse
import gc
import json
import time

from . import deliveries
from .process_tree import cpu_seconds
from .sender import Sender


def measured(sender, options):
    """Warm up, then measure; `total` counts both, for comparing with the files."""
    sender.run(options.warm_up)
    before = sender.tally["acknowledged"]
    server, own, began = server_cpu(options), time.process_time(), time.perf_counter()
    latencies = sorted(sender.run(options.seconds, options.deliveries)) or [float("nan")]
    seconds = time.perf_counter() - began
    return {
        "observations": sender.tally["acknowledged"] - before,
        "total": sender.tally["acknowledged"],
        "refused": sender.tally["refused"],
        "unanswered": sender.tally["unanswered"] + len(sender.connections) - len(sender.idle),
        "seconds": seconds,
        "cpu_seconds": server_cpu(options) - server,
        "sender_busy": (time.process_time() - own) / seconds,
        "p50": latencies[len(latencies) // 2],
        "p99": latencies[len(latencies) * 99 // 100],
    }


def server_cpu(options):
    return cpu_seconds(options.session) if options.session else float("nan")


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--size", type=int, default=50, help="observations a delivery")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--deliveries", type=int, help="stop after so many, if that is sooner")
    parser.add_argument("--warm-up", type=float, default=1, help="seconds")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rate", type=float, help="deliveries a second, instead of as fast as answered")
    parser.add_argument("--session", type=int, help="process id of the server, leader of its session")
    return parser.parse_args()


def main():
    options = parsed()
    bodies = deliveries.bodies(options.size, deliveries.variety(options.size))
    requests = [deliveries.request(body, options.port) for body in bodies]
    gc.freeze()
    gc.disable()
    print(json.dumps(measured(Sender(options.port, requests, options.connections, options.rate), options)))


if __name__ == "__main__":
    main()
