"""What operators look up is in the documents: directives, variables, messages, packages."""

import re

from stack.stack import SOURCE

DOCS = SOURCE / "docs"
TROUBLESHOOTING = " ".join((DOCS / "TROUBLESHOOTING.md").read_text().split())

# Where the module logs at warn or worse, or says why it gave up a connection.
MODULE_CALL = re.compile(r"""
    \bngx_(?:conf_)?log_error\(NGX_LOG_(?:WARN|ERR|CRIT|ALERT|EMERG)\b
  | \bconf_error\(cf,
  | \blog_throttled\((?!LogThrottle)
  | \.write\((?!NGX_LOG_INFO)
  | \bdrop(?:_with_libpq_error)?\((?!std::string_view)
""", re.VERBOSE)
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
CONVERSION = re.compile(r"%(?:V|s|uL)")
INDEXER_CALL = re.compile(r'\blog::(?:(?:warn|error)\(|write\([^;]*?log::Level::[^;]*?)\s*"(\w+)"')


def sources(folder):
    return sorted((SOURCE / folder).rglob("*.[ch]pp"))


def statement_from(text, start):
    """Up to the semicolon that ends it, which is not in a literal."""
    return re.match(r'(?:"(?:[^"\\\n]|\\.)*"|[^";])*', text[start:]).group()


def fragments(literal):
    """The parts of a message that are always the same, but for punctuation around them."""
    text = re.sub(r"\\(.)", r"\1", literal)
    parts = (part.strip(' :,()"') for part in CONVERSION.split(text))
    return [part for part in parts if re.search("[A-Za-z]{3}", part)]


def module_messages():
    for path in sources("ngx_media_module"):
        text = path.read_text()
        for call in MODULE_CALL.finditer(text):
            for literal in LITERAL.findall(statement_from(text, call.start())):
                for fragment in fragments(literal):
                    yield path.name, fragment


def test_messages_of_the_module_are_explained():
    messages = set(module_messages())
    # Would it see them at all?
    assert {("lookup.cpp", "the lookup queue is full"), ("lookup.cpp", "a lookup timed out"),
            ("worker.cpp", "media: keys stay as they were"),
            ("cache_listener.cpp", "no longer listening for changes"),
            ("store_directive.cpp", 'media_store" can\'t read root'),
            ("file_response.cpp", "is not a regular file")} <= messages
    unexplained = {(name, text) for name, text in messages
                   if text.removeprefix("media: ") not in TROUBLESHOOTING}
    assert not unexplained


def test_events_of_the_indexer_are_explained():
    events = {event for path in sources("indexer") for event in
              INDEXER_CALL.findall(path.read_text())}
    assert {"claim_failed", "media_download_failed", "request_failed", "not_started"} <= events
    assert {event for event in events if f"`{event}`" not in TROUBLESHOOTING} == set()


def in_module(name, pattern):
    return re.findall(pattern, (SOURCE / "ngx_media_module" / name).read_text())


def test_directives_have_a_section():
    directives = set(in_module("directives.cpp", r'\{ngx_string\("(\w+)"\)'))
    document = (DOCS / "DIRECTIVES.md").read_text()
    assert len(directives) >= 12
    assert directives == set(re.findall(r"^## (media\w*)\n\n    Syntax: ", document, re.MULTILINE))


def test_variables_and_their_values_are_explained():
    document = (DOCS / "DIRECTIVES.md").read_text()
    variables = in_module("variables.cpp", r'\{"(media_\w+)", get_variable<')
    decisions = in_module("answer/decision.cpp", r'\{"(\w+)", [2-5]\d\d\}')
    assert len(variables) >= 9 and len(decisions) >= 13
    assert [name for name in variables if f"`${name}`" not in document] == []
    assert [name for name in decisions if f"`{name}`" not in document] == []


def test_packages_have_a_reason():
    document = (DOCS / "DEPENDENCIES.md").read_text()
    packages = {line for path in (SOURCE / "devtools" / "packages").glob("*.txt")
                for line in path.read_text().splitlines() if line and not line.startswith("#")}
    assert len(packages) > 40
    assert {name for name in packages if f"`{name}`" not in document} == set()
