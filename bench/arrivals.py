"""When media became readable, told by the indexer's log and nginx: asking Postgres again and again
would be CPU time that is measured."""

import http.client
import json
import threading
import time


class Arrivals:
    """Follows the log. With `read`, a medium counts once nginx has answered 200 for it."""

    def __init__(self, site, read=False):
        self.site = site
        self.read = read
        self.at = {}  # by id: seconds of the monotonic clock
        self._end = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._log = open(self.site.stack.indexer.log)
        self._log.seek(0, 2)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
        self._log.close()

    def wait_for(self, count, seconds):
        """Until there are as many; when the last one came."""
        deadline = time.monotonic() + seconds
        while len(self.at) < count:
            if self._failure:
                raise self._failure
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {len(self.at)} of {count} media arrived")
            time.sleep(0.005)
        return max(self.at.values())

    def _run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.site.stack.port, timeout=10)
        try:
            for media_id in self._completed():
                while self.read and not self._is_readable(connection, media_id):
                    time.sleep(0.001)
                self.at[media_id] = time.monotonic()
        except Exception as error:
            self._failure = error
        finally:
            connection.close()

    def _completed(self):
        """Ids of this company's media, as the log tells of them."""
        part = ""
        while not self._end.is_set():
            part += self._log.readline()
            if not part.endswith("\n"):
                time.sleep(0.002)
                continue
            line, part = part, ""
            if "media_download_completed" in line and self.site.company in line:
                yield json.loads(line)["media_id"]

    def _is_readable(self, connection, media_id):
        connection.request("GET", f"/media/{media_id}",
                           headers={"Authorization": f"Bearer {self.site.token}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200
