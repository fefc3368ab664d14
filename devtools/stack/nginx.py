"""The stack's nginx.conf, made from the drop-in files that operators copy."""

import http.client
import os
from pathlib import Path

from . import process

TEMPLATE = Path(__file__).with_name("nginx.conf.in")


def write_config(stack):
    listen = [f"127.0.0.1:{stack.port}"]
    if process.has_ipv6():
        listen.append(f"[::1]:{stack.port}")
    values = {
        # The files belong to whoever runs the stack, so the workers must be the same user.
        "user": "user root;" if os.getuid() == 0 else "",
        "workers": stack.workers,
        "module": stack.programs.module,
        "dir": stack.dir,
        "listen": " ".join(f"listen {address};" for address in listen),
        "database": stack.postgres.conninfo(user="media_nginx"),
        "jwt_key": stack.jwt_key,
        "indexer": f"unix:{stack.indexer.socket}",
        "root": stack.root,
    }
    text = TEMPLATE.read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    stack.nginx_conf.write_text(text)


def environment():
    """Leaks at exit are nginx's own pools; everything else a sanitizer finds must stop it."""
    return os.environ | {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:exitcode=77",
                         "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}


def answers(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
        return True
    except OSError:
        return False
    finally:
        connection.close()
