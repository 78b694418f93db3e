import subprocess
import sys

EVERYWHERE = """
import os, signal, sys, time
from presence_receiver.extras.bucket.stopping import Stopping

def interrupted(place):
    '''Whether there is such a place, a line that runs while it waits, counted from the first. There a signal comes.'''
    stopping, left = Stopping(), place
    stopping.listen()

    def trace(frame, event, arg):
        nonlocal left
        if event == "line":
            left -= 1
            if left == -1:
                os.kill(os.getpid(), signal.SIGTERM)
        return trace

    sys.settrace(trace)
    stopping.wait(0.2)
    sys.settrace(None)
    assert stopping.is_set() == (left < 0)
    return left < 0

place = 0
while interrupted(place):
    place += 1
print(place)
"""

IN_THE_END = """
import os, signal, threading
from presence_receiver.extras.bucket.stopping import Stopping

stopping = Stopping()
stopping.listen()
threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
stopping.wait(3600)
print(stopping.number)
"""


def test_a_signal_at_any_moment_of_the_waiting_ends_it():
    ran = subprocess.run([sys.executable, "-c", EVERYWHERE], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "") and int(ran.stdout) > 3


def test_a_signal_ends_a_long_wait_at_once():
    ran = subprocess.run([sys.executable, "-c", IN_THE_END], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr, ran.stdout) == (0, "", "2\n")
