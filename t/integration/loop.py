"""Something that goes on beside a test."""

import threading


class Loop(threading.Thread):
    """Does something again and again until it is stopped; a failure is the test's."""

    def __init__(self, step):
        super().__init__()
        self.step = step
        self.enough = threading.Event()
        self.rounds = 0
        self.failure = None

    def run(self):
        try:
            while not self.enough.is_set():
                self.step()
                self.rounds += 1
        except BaseException as failure:
            self.failure = failure

    def stop(self):
        self.enough.set()
        self.join()
        if self.failure:
            raise self.failure
