"""Mistakes in nginx.conf are caught by nginx -t, with a message that helps."""

import json
import re
import subprocess

import pytest

from guarded_under_test import make_key

pytestmark = pytest.mark.module


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Key files, most of them of no use."""
    directory = tmp_path_factory.mktemp("keys")
    for name, arguments in {
            "rsa": ("-algorithm", "RSA"), "small": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"),
            "p256": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
            "x25519": ("-algorithm", "X25519")}.items():
        make_key(directory / f"{name}.pem", *arguments)
    for size in (0, 15, 31, 32, 63, 262145):
        (directory / str(size)).write_text("k" * size)
    rsa = {"kty": "RSA", "e": "AQAB", "kid": "a"}
    for name, keys in {"none": [], "small": [rsa | {"n": "w" * 171}], "broken": [rsa],
                       "oct": [{"kty": "oct", "k": "A" * 43}],
                       "short": [{"kty": "oct", "k": "A" * 42, "alg": "HS256"}],
                       "many": [{"kty": "oct", "k": "A" * 43, "alg": "HS256"}] * 65}.items():
        (directory / f"{name}.json").write_text(json.dumps({"keys": keys}))
    for name, text in {"s3": "access\nsecret\n", "s3-one": "hidden", "s3-pairs": "key = hidden\nhidden"}.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o600)
    (directory / "cut.json").write_text('{"keys":[')
    (directory / "twice.json").write_text('{"keys":[],"keys":[]}')
    return directory


@pytest.fixture
def test_config(stack, tmp_path, files):
    """Runs nginx -t on a small config with these directives at http and location level."""
    def run(http="", location="", key=None):
        config = tmp_path / "nginx.conf"
        values = {"key": key or stack.jwt_key, "conninfo": stack.postgres.conninfo("media_nginx"),
                  "root": stack.root, "files": files}
        for name, value in values.items():
            http = http.replace(f"@{name}@", str(value))
            location = location.replace(f"@{name}@", str(value))
        config.write_text(f"""
            load_module {stack.programs.module};
            pid {tmp_path}/nginx.pid;
            error_log stderr;
            events {{}}
            http {{
                access_log off;
                {http}
                server {{ listen 127.0.0.1:1; location / {{ {location} }} }}
            }}""")
        done = subprocess.run(
            [str(stack.programs.nginx), "-t", "-p", str(tmp_path), "-c", str(config)],
            capture_output=True, text=True, timeout=30, env={"ASAN_OPTIONS": "detect_leaks=0"})
        return done.returncode, done.stderr
    return run


DATABASE = 'media_database "@conninfo@";'
STORE = "media_store local local root=@root@;"
SESSION = "media_session jwt key_file=@key@;"
SOUND = DATABASE + STORE + SESSION


def test_a_sound_config_passes(test_config):
    assert test_config(SOUND, "media $arg_id;")[0] == 0


@pytest.mark.parametrize("http, location, message", [
    (STORE + SESSION, "media $arg_id;", "media_database"),
    (DATABASE + SESSION, "media $arg_id;", "media_store"),
    (DATABASE + STORE, "media $arg_id;", "media_session"),
    (SOUND, "media $arg_id; media_require link;", "media_link_key"),
    (SOUND, "media_authorize on; media_require public;", "session.*link"),
    (DATABASE + SOUND, "", "duplicate"),
    (SOUND + STORE, "", "duplicate|local"),
    ('media_database "no conninfo";', "", "conninfo|media_database"),
    ('media_database "@conninfo@" connections=0;', "", "connections"),
    ('media_database "@conninfo@" connections=many;', "", "connections"),
    ('media_database "@conninfo@" timeout=soon;', "", "timeout"),
    ('media_database "@conninfo@" colour=blue;', "", "colour"),
    ("media_store local tape root=/;", "", "tape"),
    ("media_store s3 s3 root=/;", "", "root=/"),
    ("media_store local local;", "", "root"),
    ("media_store local local root=relative;", "", "relative|absolute"),
    ("media_session jwt;", "", "key_file"),
    ("media_session jwt key_file=/nonexistent;", "", "/nonexistent"),
    ("media_session cookie key_file=@key@;", "", "cookie"),
    ("media_session jwt key_file=@key@ leeway=x;", "", "leeway"),
    (SOUND, "location ~ ^/(.+)$ { media; }", "prefix"),
    (SOUND, "location = /photo { media; }", "prefix"),
    (SOUND, "location /photo { media; }", "ends in"),
    (SOUND, "media_token $http_x$arg_token;", "media_token|arg_token"),
    (SOUND, "media $arg_id; media $arg_id;", "duplicate"),
    (SOUND, "media_authorize maybe;", "maybe|invalid"),
    (SOUND, "media $no_such_variable;", "no_such_variable"),
])
def test_a_mistake_is_named(test_config, http, location, message):
    code, output = test_config(http, location)
    assert code != 0
    assert re.search(r"\[emerg\].*(" + message + ")", output), output


S3 = "media_store s3 s3 endpoint=http://127.0.0.1 region=r bucket=photos key_file=@files@/s3"
JWT = "media_session jwt key_file=@files@"
JWKS = "media_session jwt jwks_file=@files@"
NEXT_AUTH = "media_session nextauth secret_file=@files@"


def named(directives, *messages):
    """A case whose id says what is wrong."""
    return pytest.param(directives, messages, id=" ".join(directives.split())[:70])


@pytest.mark.parametrize("http, messages", [
    named("media_cache zone=a:2m; media_cache zone=b:2m;", '"media_cache" directive is duplicate'),
    named("media_cache zone=a:2m zone=b:2m;", '"zone=b:2m": it takes zone=NAME:SIZE, once'),
    *(named(f"media_cache zone={zone};", f'"zone={zone}": it takes zone=NAME:SIZE')
      for zone in ("a", ":2m", "a:", "a:x", "a:-2m", "a:99999999999999999999", "")),
    named("media_cache zone=a:1m;", '"zone=a:1m": it takes a zone of 2m at least'),
    named("media_cache valid=5m;", '"media_cache" needs "zone=NAME:SIZE"'),
    *(named(f"media_cache zone=a:2m {option};", f'"media_cache" has an invalid parameter "{option}"')
      for option in ("valid=0", "valid=soon", "valid=", "negative=-1", "stale=x", "stale", "colour=blue")),
    named("limit_req_zone $uri zone=a:2m rate=1r/s; media_cache zone=a:2m;",
          'the shared memory zone "a" is already declared for a different use'),
    *(named(f'media_database "@conninfo@" {option};', f'"media_database" has an invalid parameter "{option}"')
      for option in ("queue=0", "queue=1000001", "timeout=0", "connections=65", "prepare=maybe")),
    named('media_database "@conninfo@" listen=;', 'a connection string or "off" in "listen="'),
    named('media_database "@conninfo@" listen=x;', 'an invalid "listen=" connection string: missing "="'),
    named('media_database "@conninfo@" prepare=off;', '"prepare=off" needs "listen="', "server itself"),
    named('media_database "host=no.such.host.invalid";', '"no.such.host.invalid" does not resolve'),
    named("media_database service=x;", '"service" is not supported: name the host'),
    named("media_database host=a,b;", 'several values of "host" are not supported'),
    named("media_session cookie;", '"cookie": it takes "jwt", "database", "nextauth", "request" or "off"'),
    named("media_session off on;", 'invalid parameter "on"'),
    named(f"media_session off; {JWT}/32;", 'already "off" here'),
    named(f"{JWT}/32; media_session off;", '"off" after others'),
    named(f"{JWT}/32 revocable=on;", '"media_session ... revocable=on" needs "media_database"'),
    named(f"{JWT}/32 revocable=maybe;", 'invalid parameter "revocable=maybe"'),
    named(f"{JWT}/32 key_file=@files@/32;", "it takes one file", '"media_session" of their own'),
    named(f"{JWT}/32 jwks_file=@files@/none.json;", "it takes one file"),
    named(f"{JWT}/31;", '/31": holds a key of 31 bytes, but 32 are needed'),
    named(f"{JWT}/0;", '/0": holds a key of 0 bytes, but 32 are needed'),
    named(f"{JWT}/63 alg=HS512;", '/63": a secret for HS512 has at least 64 bytes, this one 63'),
    *(named(f"{JWT}/32 alg={alg};", f'"alg={alg}": it takes alg= with some of HS256, ')
      for alg in ("none", "", "HS256,HS257", "hs256", "HS256,,HS384", "ES256K")),
    named(f"{JWT}/32 alg=RS256;", "RS256 needs a public key, not a secret"),
    named(f"{JWT}/rsa.pem alg=HS256;", '/rsa.pem": the key cannot be used with HS256'),
    named(f"{JWT}/rsa.pem alg=ES256;", '/rsa.pem": the key cannot be used with ES256'),
    named(f"{JWT}/p256.pem alg=ES384;", '/p256.pem": the key cannot be used with ES384'),
    named(f"{JWT}/rsa.private;", '/rsa.private": not a PEM public key', "openssl pkey -pubout"),
    named(f"{JWT}/small.pem;", '/small.pem": RSA key is shorter than 2048 bits'),
    named(f"{JWT}/x25519.pem;", '/x25519.pem": key is not RSA, EC on P-256, P-384 or P-521, or Ed25519'),
    named(f"{JWT}/262145;", '/262145" has more than 262144 bytes'),
    named(f"{JWT};", "is not a regular file"),
    *(named(f"{JWT}/32 {option};", f'invalid parameter "{option}"') for option in (
        "kid=", "audience=", "issuer=", "user_claim=", "leeway=-1", "leeway=soon", "secret_file=x")),
    named(f"{JWKS}/absent;", '/absent" can\'t be read: No such file or directory'),
    named(f"{JWKS}/none.json;", '/none.json": JWK set has no usable key'),
    named(f"{JWKS}/cut.json;", '/cut.json": JWK set is not a JSON object'),
    named(f"{JWKS}/twice.json;", '/twice.json": JWK set is not a JSON object'),
    named(f"{JWKS}/small.json;", "key 1 of the JWK set: RSA key is shorter than 2048 bits"),
    named(f"{JWKS}/broken.json;", "key 1 of the JWK set: members of the key are missing or broken"),
    named(f"{JWKS}/oct.json;", "key 1 of the JWK set: a secret needs an algorithm"),
    named(f"{JWKS}/short.json;", "a secret for HS256 has at least 32 bytes, this one 31"),
    named(f"{JWKS}/many.json;", "JWK set has over 64 keys"),
    named(f"{JWKS}/oct.json kid=a;", '"alg=" and "kid=" are in the keys of a "jwks_file=" themselves'),
    named("media_session database;", '"media_session database" needs "media_database"'),
    named("media_session database token=md5;", "it takes token=sha256 or token=plain"),
    *(named(f'media_session database "query={query}";', "must use $1, and only it")
      for query in ("SELECT 1", "SELECT $1, $2", "SELECT $3", "")),
    named("media_session database x=y;", 'invalid parameter "x=y"'),
    named("media_session nextauth;", '"media_session nextauth" needs "secret_file="'),
    named(f"{NEXT_AUTH}/absent;", '/absent" can\'t be read'),
    named(f"{NEXT_AUTH}/15;", '/15": holds a key of 15 bytes, but 16 are needed'),
    *(named(f"{NEXT_AUTH}/32 {option};", f'invalid parameter "{option}"')
      for option in ("version=3", "cookie=", "alg=HS256")),
    named("media_session request;", 'needs a URI that begins with "/"'),
    named("media_session request who;", 'needs a URI that begins with "/"'),
    named("media_session request /who key=sid;", "key= with a variable, such as key=$cookie_sid"),
    named("media_session request /who key=$no_such;", 'unknown "no_such" variable'),
    named("media_session request /who valid=0;", 'invalid parameter "valid=0"'),
    *(named(S3.replace(f" {name}={value}", "") + ";", f'"media_store ... s3" needs "{name}="')
      for name, value in (("endpoint", "http://127.0.0.1"), ("region", "r"), ("bucket", "photos"),
                          ("key_file", "@files@/s3"))),
    *(named(f"{S3} {option};", f'"media_store" is wrong: {message}') for option, message in (
        ("endpoint=127.0.0.1", 'endpoint "127.0.0.1" should begin with http:// or https://'),
        ("bucket=a/b", 'bucket "a/b" is no bucket\'s name'), ("style=dns", 'style "dns" should be "path"'),
        ("style=virtual", 'style "virtual" needs a host name in the endpoint'), ("region=a/b", 'region "a/b" should be'))),
    *(named(f"{S3} {option};", f'invalid parameter "{option}"') for option in (
        "serve=disk", "expires=8d", "expires=0", "expires=soon", "bucket_time=0", "bucket_time=2d",
        "public_url=cdn.example", "public_url=https://", "public_url=https://a/?x", "location=s3",
        "endpoint=", "root=/", "colour=blue")),
    named(f"{S3} expires=15m;", '"expires=" that is longer than its "bucket_time="'),
    named(f"{S3} serve=proxy;", '"media_store ... serve=proxy" needs "location="'),
    named(f"{S3} location=@s3;", '"location=" with "serve=proxy" only'),
    *(named(S3 + f"-{name};", f'/s3-{name}": {message}') for name, message in (
        ("one", "has 1 lines; it takes the access key"), ("pairs", "line 1 should hold nothing but the access key"))),
    named(S3 + "-none;", '/s3-none" can\'t be read'),
    named("media_token;", 'invalid number of arguments in "media_token"'),
    named("media_token cookie;", "it takes variables, such as $http_authorization"),
    named("media_token $arg_a; media_token $arg_b;", '"media_token" directive is duplicate'),
    named("media_link_key a;", 'invalid number of arguments in "media_link_key"'),
    named("media_link_key a @files@/absent;", '/absent" can\'t be read'),
    named("media_link_key a @files@/31;", '/31": holds a key of 31 bytes, but 32 are needed'),
    named('media_link_key "a b" @files@/32;', '"a b": it takes an id of letters, digits'),
    named("media_link_key a @files@/32; media_link_key a @files@/32;", 'a duplicate id "a"'),
    named("media_status;", '"media_status" directive is not allowed here'),
])
def test_a_mistake_at_http_level_says_what_is_meant(test_config, http, messages):
    check_messages(test_config(http), messages)


def test_a_server_with_media_has_the_locations_of_stores(test_config):
    result = test_config(f"{SOUND} {S3} serve=proxy location=@s3;", "media $arg_id;")
    check_messages(result, ['"media_store s3" names location "@s3", which server'])
    assert test_config(f"{SOUND} {S3} serve=proxy location=@s3;", "")[0] == 0


def test_keys_that_everybody_can_read_are_told_about(test_config, files):
    (files / "s3-open").write_text("access\nsecret\n")
    (files / "s3-open").chmod(0o644)
    code, output = test_config(f"{SOUND} {S3}-open;", "media $arg_id;")
    assert code == 0 and '"media_store" has a key file that everybody can read' in output
    assert "everybody can read" not in test_config(f"{SOUND} {S3};", "media $arg_id;")[1]


@pytest.mark.parametrize("location, messages", [
    named("media $arg_a; media_require nobody;", '"nobody": it takes "session", "link", "public" and "any"'),
    named("media $arg_a; media_require;", 'invalid number of arguments in "media_require"'),
    named("media $arg_a; media_require link;", '"media" in location "/" needs "media_link_key"'),
    named("media_key $arg_a; media_require any;", '"media_key" in location "/" needs "media_link_key"'),
    named("media_require session; media_require link;", '"media_require" directive is duplicate'),
    named("media_authorize on; media_require public;", 'needs "media_require" to name "session" or "link"'),
    named("media $arg_a; media_session off;", '"media" in location "/" needs "media_session"'),
    *(named(f'media_lookup_query "{query}"; media $arg_a;', "must use $1, may use $2, and nothing further")
      for query in ("SELECT 1", "SELECT $3", "SELECT $10", "SELECT $1, $3", "")),
    named('media_lookup_query "SELECT $1"; media_lookup_query "SELECT $1";', "duplicate"),
    named('media_lookup_query "SELECT $1, $2"; media $arg_a;', 'uses $2, for which "media" needs a second'),
    named('media_lookup_query "SELECT $1"; media $arg_a $arg_b;', 'a rendition, for which', "needs $2"),
    named("media $arg_a $arg_b $arg_c;", 'invalid number of arguments in "media"'),
    named("media_key;", 'invalid number of arguments in "media_key"'),
    named("media_key $arg_a; media $arg_b;", '"media" directive is duplicate'),
    named("media_status xml;", '"xml": it takes "prometheus" or "json"'),
    named("media_status; media_status json;", '"media_status" directive is duplicate'),
    named("media_status; media $arg_a;", 'can\'t share a location with "media_status"'),
    named("media $arg_a; media_status;", 'can\'t share a location with "media"'),
    named("media_cache zone=a:2m;", '"media_cache" directive is not allowed here'),
    named("media_database x=y;", '"media_database" directive is not allowed here'),
])
def test_a_mistake_in_a_location_says_what_is_meant(test_config, location, messages):
    check_messages(test_config(SOUND, location), messages)


def check_messages(result, messages):
    code, output = result
    assert code != 0, output
    errors = [line for line in output.splitlines() if "[emerg]" in line]
    assert len(errors) == 1, output
    assert all(message in errors[0] for message in messages), errors[0]
    # nginx itself looks for variables when all is read.
    assert re.search(r" in \S+/nginx.conf:\d+$|unknown \S+ variable$", errors[0]), errors[0]


@pytest.mark.parametrize("http", [
    'media_database "host=/tmp password=sesame colour=blue";', 'media_database "sesame";',
    'media_database "host=/tmp password=\'sesame";', "media_database postgres://u:sesame@[::1/y;",
    'media_database "host=/tmp" "listen=host=/tmp password=sesame x";'])
def test_no_message_quotes_a_password(test_config, http):
    code, output = test_config(http)
    assert code != 0 and "sesame" not in output


def test_a_key_that_is_too_short_is_refused(test_config, tmp_path):
    key = tmp_path / "short.key"
    key.write_text("0" * 31)
    key.chmod(0o600)
    code, output = test_config(SOUND, key=key)
    assert code != 0 and "short.key" in output
