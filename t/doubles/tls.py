"""A certificate authority for tests, and a server certificate for the doubles' hosts."""

import ssl

import trustme


class TestAuthority:
    """Made anew for every run; `ca_file` is what the indexer is told to trust."""

    def __init__(self, directory, hosts):
        self._authority = authority = trustme.CA()
        self.ca_file = directory / "test-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*hosts).configure_cert(self.server_context)

    def write_server_pem(self, path, *hosts):
        """Key and certificates of a server that is not ours, in one file."""
        self._authority.issue_cert(*hosts).private_key_and_cert_chain_pem.write_to_path(str(path))
        return path
