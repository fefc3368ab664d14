"""A stack whose nginx serves from object stores in every way, and what lies in them."""

import hashlib
import uuid
from dataclasses import dataclass

import requests

from raw_http import exchange, request_bytes
from site_under_test import Site
from stack.nginx import DROP_INS, replace_all
from watch import StackWatch

TABLE = """
    CREATE TABLE public.s3_files (id text PRIMARY KEY, company text, store text, key text,
                                  size bigint, sha256 bytea, mime text, name text, visibility text);
    GRANT SELECT ON public.s3_files TO media_nginx"""
QUERY = ("SELECT company AS company_id, 'completed' AS status, store, key AS storage_key, size, sha256, "
         "mime AS mime_type, name AS file_name, visibility FROM public.s3_files WHERE id = $1")
SERVER = """
location /s3/ { media; media_lookup_query "%(query)s"; }
# Neither cached nor cut: each request becomes one of the store.
location @plain {
    proxy_pass $media_s3_url;
    proxy_http_version 1.1;
    proxy_pass_request_headers off;
    proxy_pass_request_body off;
    proxy_set_header Connection "";
    proxy_set_header Host $media_s3_host;
    proxy_set_header Range $media_s3_range;
    proxy_set_header Authorization $media_s3_authorization;
    proxy_set_header X-Amz-Date $media_s3_date;
    proxy_set_header X-Amz-Content-Sha256 UNSIGNED-PAYLOAD;
    proxy_set_header X-Amz-Security-Token $media_s3_token;
}
"""
LOG = """
log_format everything '$request|$status|$upstream_addr|$upstream_cache_status|$proxy_host|$uri|$args|'
                      '$http_range|$media_store|$media_decision';
access_log %(dir)s/logs/everything.log everything;
"""


def example(name, server, bucket, key_file, directory):
    """The files that operators copy, for one store: texts for http {} and server {}."""
    authority = server.access.endpoint.removeprefix("http://")
    changes = {
        "media_store s3 s3": f"media_store {name} s3",
        "endpoint=https://s3.eu-central-1.amazonaws.com": f"endpoint={server.access.endpoint}",
        "region=eu-central-1": f"region={server.access.region}",
        "bucket=example-media": f"bucket={bucket}",
        "/etc/ngx_media/s3.key": str(key_file),
        "server s3.eu-central-1.amazonaws.com:443": f"server {authority}",
        "https://media_s3": f"http://{name}_upstream",
        "upstream media_s3": f"upstream {name}_upstream",
        "@media_s3": f"@{name}",
        "ngx_media_s3": f"{name}_cache",
        "/var/cache/nginx/ngx_media": f"{directory}/{name}-cache",
        "slice 1m;": "slice 4k;",
    }
    texts = [(DROP_INS / file).read_text() for file in ("ngx_media_s3.conf", "ngx_media_s3_server.conf")]
    assert all(original in "".join(texts) for original in changes)
    return [replace_all(text, changes) for text in texts]


@dataclass
class Item:
    id: str
    key: str
    content: bytes

    @property
    def path(self):
        return f"/s3/{self.id}"

    @property
    def sha256(self):
        return hashlib.sha256(self.content).hexdigest()

    @property
    def etag(self):
        return f'"{self.sha256}"'


class S3Site:
    """Stores "ceph-redirect", "ceph-proxy" (the example), "ceph-plain", and the same of Swift."""

    def __init__(self, stacks, settings, servers):
        self.servers = servers
        self.buckets = {name: server.new_bucket() for name, server in servers.items()}
        self.directory = stacks.directory / "s3"
        self.keys = stacks.directory / "s3-keys"
        self.keys.mkdir()
        self.key_files = {name: server.access.write_key_file(self.keys / f"{name}.key")
                          for name, server in servers.items()}
        self.stack = stacks.start("s3", settings)
        self.stack.postgres.psql(TABLE)
        self._configure()
        stacks.watches["s3"] = StackWatch(self.stack)
        self.site = Site(self.stack)
        self.log = self.stack.logs / "everything.log"

    def _configure(self):
        """Only now, since connections prepare the queries that the configuration has."""
        http = [LOG % {"dir": self.directory}]
        server = [SERVER % {"query": QUERY}]
        for name, store in self.servers.items():
            at = self.at(name)
            http += [f"media_store {name}-redirect s3 {at} expires=1h bucket_time=15m;",
                     f"media_store {name}-plain s3 {at} serve=proxy location=@plain;",
                     f"media_store {name}-public s3 {at} public_url=https://cdn.example/media/;"]
            texts = example(f"{name}-proxy", store, self.buckets[name], self.key_files[name],
                            self.directory)
            http.append(texts[0])
            server.append(texts[1])
        for level, texts in (("nginx.d", server), ("http.d", http)):
            (self.stack.dir / level / "test.conf").write_text("\n".join(texts))
        self.stack.stop_nginx()
        self.stack.start_nginx()

    def at(self, name):
        access = self.servers[name].access
        return (f"endpoint={access.endpoint} region={access.region} bucket={self.buckets[name]} "
                f"key_file={self.key_files[name]}")

    def put(self, store, content, key=None, mime="image/jpeg", name="photo.jpg", visibility="private",
            company=None, has_hash=True, size=None):
        """An object and its row; "local" is the disk."""
        item = Item(str(uuid.uuid4()), key or f"{uuid.uuid4()}.bin", content)
        server, _, _ = store.partition("-")
        if store == "local":
            path = self.stack.root / item.key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        elif server in self.servers:
            self.servers[server].client.put_object(
                Bucket=self.buckets[server], Key=item.key, Body=content, ContentType="text/html")
        digest = f"'\\x{item.sha256}'" if has_hash else "NULL"
        values = ", ".join("'" + value.replace("'", "''") + "'" for value in (
            item.id, company or self.site.company, store, item.key))
        name = name.replace("'", "''")
        self.stack.postgres.psql(
            f"INSERT INTO public.s3_files VALUES ({values}, {len(content) if size is None else size}, "
            f"{digest}, '{mime}', '{name}', '{visibility}')")
        return item

    def remove_object(self, store, item):
        server, _, _ = store.partition("-")
        self.servers[server].client.delete_object(Bucket=self.buckets[server], Key=item.key)

    def ask(self, item, method="GET", **headers):
        """As the company's user, without following redirects."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.request(method, self.stack.url + item.path, timeout=20, allow_redirects=False,
                                headers={"Authorization": f"Bearer {self.site.token}"} | named)

    def exchange(self, method, item, *headers):
        """The same by the byte, with headers that libraries would not send."""
        token = ("Authorization", f"Bearer {self.site.token}")
        return exchange(self.stack.port, request_bytes(method, item.path, [token, *headers]))
