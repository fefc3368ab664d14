"""The stack's nginx: its config, made from the drop-in files that operators copy, and its health."""

import http.client
import os
from pathlib import Path

from . import process
from .errors import StackError

TEMPLATE = Path(__file__).with_name("nginx.conf.in")
DROP_INS = Path(__file__).resolve().parents[2] / "conf" / "nginx"


def write_config(stack):
    drop_ins = stack.dir / "nginx"
    for directory in (drop_ins, stack.dir / "http.d", stack.dir / "nginx.d"):
        directory.mkdir(exist_ok=True)
    text = "".join((DROP_INS / name).read_text() for name in ("ngx_media.conf",
                                                              "ngx_media_server.conf"))
    changes = adaptations(stack)
    for original in changes:
        if original not in text:
            raise StackError(f"conf/nginx/ does not say '{original}' any more")
    for source in DROP_INS.glob("*.conf"):
        (drop_ins / source.name).write_text(replace_all(source.read_text(), changes))
    (drop_ins / "stores.conf").write_text(object_store(stack) if stack.has_s3 else "")
    stack.nginx_conf.write_text(replace_all(TEMPLATE.read_text(), {
        f"@{name}@": str(value) for name, value in template_values(stack).items()}))


def object_store(stack):
    access = stack.object_store.access
    return (f"media_store s3 s3 endpoint={access.endpoint} region={access.region}"
            f" bucket={stack.s3_bucket} key_file={stack.home}/keys/s3.key serve=redirect;\n")


CACHE = "media_cache zone=ngx_media:64m valid=5m negative=5s stale=10m;"


def adaptations(stack):
    """What a private stack has elsewhere than an installed one."""
    return {
        CACHE: CACHE if stack.cache else "",
        "host=/run/postgresql dbname=ngx_media user=media_nginx":
            stack.postgres.conninfo(user="media_nginx"),
        "/var/lib/ngx_media": str(stack.home / "media"),
        "/etc/ngx_media/jwt.key": str(stack.home / "keys" / "jwt.key"),
        "unix:/run/ngx_media/indexer.sock": f"unix:{stack.indexer.socket}",
        "/var/log/nginx/ngx_media.log": str(stack.home / "logs" / "nginx-access.log"),
        # All clients of a test have one address and few users.
        "rate=200r/s": "rate=100000r/s",
        "rate=50r/s": "rate=100000r/s",
    }


def template_values(stack):
    addresses = ["127.0.0.1"] + (["[::1]"] if process.has_ipv6() else [])
    return {
        # The files belong to whoever runs the stack, so the workers must be the same user.
        "user": "user root;" if os.getuid() == 0 else "",
        "workers": stack.workers,
        "module": stack.programs.module,
        "home": stack.home,
        "listen": " ".join(f"listen {address}:{stack.port};" for address in addresses),
    }


def replace_all(text, changes):
    for original, value in changes.items():
        text = text.replace(original, value)
    return text


def environment():
    """nginx frees nothing at exit, which no sanitizer must take for leaks; a large quarantine of
    freed memory would look like growth."""
    options = "detect_leaks=0:abort_on_error=0:exitcode=77:quarantine_size_mb=1"
    return os.environ | {"ASAN_OPTIONS": options,
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
