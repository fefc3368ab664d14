"""Something that goes on beside a test."""

import threading


class Loop(threading.Thread):
    """Does something again and again in a `with` block; a failure is the test's."""

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

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.enough.set()
        self.join()
        if self.failure:
            raise self.failure
