"""A process that ends without warning after any one of its system calls."""
import os


def stopped_after(count, calls, do):
    """In a child: `do`, cut off by the end of the process after so many of these calls of `os`; was it?"""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    done = []

    def stopping(call):
        def stop(*args, **options):
            result = call(*args, **options)
            done.append(call)
            if len(done) == count:
                os._exit(9)
            return result
        return stop
    for name in calls:
        setattr(os, name, stopping(getattr(os, name)))
    do()
    os._exit(0)
