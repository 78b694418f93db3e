"""Sends deliveries over several connections at once from one process, and counts every answer."""

import collections
import itertools
import select
import time

from .connection import Connection

PATIENCE = 60  # seconds to wait for the answers still due at the end
MAX_UNANSWERED = 1000


class Sender:
    """Keeps `connections` busy; with a rate, sends at fixed times instead, however slow the answers are."""

    def __init__(self, port, requests, connections, rate=None):
        self.epoll, self.by_file = select.epoll(), {}
        self.requests, self.rate = itertools.cycle(requests), rate
        self.connections = [Connection(port, self.watch) for _ in range(connections)]
        self.idle = collections.deque(self.connections)
        self.tally = collections.Counter()

    def watch(self, connection):
        """Edge-triggered both ways, so that one call a connection suffices."""
        number = connection.socket.fileno()
        self.by_file[number] = connection
        self.epoll.register(number, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)

    def run(self, seconds, most=None):
        """Send for so long, or so many; return the latencies of what was answered with 200."""
        self.latencies, self.sent, self.most = [], 0, most
        self.began = time.perf_counter()
        self.until = self.began + seconds
        while self.start_due() or self.is_waiting():
            self.collect(self.epoll.poll(self.pause()))
        return self.latencies

    def is_over(self, now):
        return now >= self.until or self.sent == self.most or self.tally["unanswered"] >= MAX_UNANSWERED

    def is_waiting(self):
        busy = len(self.idle) < len(self.connections)
        return busy and time.perf_counter() < self.until + PATIENCE

    def due(self, now):
        return self.began + self.sent / self.rate if self.rate else now

    def pause(self):
        """Until the next delivery is due, if a connection is free for it."""
        if self.rate and self.idle:
            return max(0.0, self.due(0) - time.perf_counter())
        return 1.0

    def start_due(self):
        """Begin what is due; true while more is to come."""
        now = time.perf_counter()
        while self.idle and not self.is_over(now) and self.due(now) <= now:
            self.start(self.idle.popleft(), self.due(now))
            self.sent += 1
        return not self.is_over(now)

    def start(self, connection, due):
        try:
            connection.start(next(self.requests), due)
        except OSError:
            self.give_up(connection)

    def collect(self, events):
        for number, _ in events:
            connection = self.by_file[number]
            if connection in self.idle:
                connection.notice_end()
            else:
                self.advance(connection)

    def advance(self, connection):
        try:
            if connection.advance():
                self.note(connection, time.perf_counter())
        except OSError:
            self.give_up(connection)

    def note(self, connection, now):
        is_good, accepted = connection.finish()
        self.tally["answered" if is_good else "refused"] += 1
        self.tally["acknowledged"] += accepted
        if is_good:
            self.latencies.append(now - connection.due)
        self.idle.append(connection)

    def give_up(self, connection):
        self.tally["unanswered"] += 1
        connection.close()
        self.idle.append(connection)
