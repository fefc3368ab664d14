import os
import shutil
import signal
import sys
from pathlib import Path

from doubles.tls import TestAuthority
from doubles.whatsapp_graph import HOSTS, WhatsAppGraph
from stack import Stack, StackError
from stack.process import port_is_free

from .logs import follow
from .story import Story

SOURCE = Path(os.environ["MEDIA_SOURCE"])
HOME = SOURCE / ".run"


def stop_on_signals():
    """SIGTERM and a closed terminal end the demo as Ctrl-C does."""
    def interrupt(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
    # A shell starts background jobs with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def fresh_home():
    """Nothing of the last demo stays, not even what it failed to stop."""
    if (HOME / "stack.json").exists():
        Stack(HOME).down()
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()


def first_free_port(start):
    return next(port for port in range(start, 65536) if port_is_free(port))


def main():
    stop_on_signals()
    fresh_home()
    stack = Stack(HOME)
    graph = None
    try:
        authority = TestAuthority(HOME, HOSTS)
        graph = WhatsAppGraph(authority=authority)
        story = Story(stack, graph)
        story.start(first_free_port(8080),
                    graph.settings() | {"fetch.ca_file": str(authority.ca_file)})
        story.play(SOURCE / "t" / "fixtures" / "photo" / "sailing_boat.jpg")
        story.invite()
        follow({"nginx": stack.logs / "nginx-access.log",
                "nginx!": stack.logs / "nginx-error.log",
                "indexer": stack.indexer.log,
                "postgres": stack.postgres.log})
    except KeyboardInterrupt:
        print("\nStopping ...", flush=True)
    except StackError as error:
        print(f"\ndev run: {error}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        stop(stack, graph)
    print("Everything is stopped. What was stored is left to look at in .run/", flush=True)
    return 0


def stop(stack, graph):
    if (HOME / "stack.json").exists():
        stack.down()
    if graph:
        graph.close()


sys.exit(main())
