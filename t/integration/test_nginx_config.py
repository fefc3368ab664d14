"""Mistakes in nginx.conf are caught by nginx -t, with a message that helps."""

import subprocess

import pytest

pytestmark = pytest.mark.module


@pytest.fixture
def test_config(stack, tmp_path):
    """Runs nginx -t on a small config with these directives at http and location level."""
    def run(http="", location="", key=None):
        config = tmp_path / "nginx.conf"
        values = {"key": key or stack.jwt_key, "conninfo": stack.postgres.conninfo("media_nginx"),
                  "root": stack.root, "dir": tmp_path}
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
    ("media_session database;", "media_authorize on;", "media_authorize.*media_database"),
    (SOUND, "media $arg_id; media_require link;", "media_link_key"),
    (SOUND, "media_authorize on; media_require public;", "session.*link"),
    (DATABASE + SOUND, "", "duplicate"),
    (SOUND + STORE, "", "duplicate|local"),
    ('media_database "no conninfo";', "", "conninfo|media_database"),
    ('media_database "@conninfo@" connections=0;', "", "connections"),
    ('media_database "@conninfo@" connections=many;', "", "connections"),
    ('media_database "@conninfo@" timeout=soon;', "", "timeout"),
    ('media_database "@conninfo@" colour=blue;', "", "colour"),
    ("media_store local s3 root=/;", "", "s3"),
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
    import re
    code, output = test_config(http, location)
    assert code != 0
    assert re.search(r"\[emerg\].*(" + message + ")", output), output


def test_a_key_that_is_too_short_is_refused(test_config, tmp_path):
    key = tmp_path / "short.key"
    key.write_text("0" * 31)
    key.chmod(0o600)
    code, output = test_config(SOUND, key=key)
    assert code != 0 and "short.key" in output
