"""HTTP/1.1 as uvicorn reads it with httptools, except that an offer to switch to another protocol is ignored.

Java's HttpClient, and so Spring's RestClient, offers HTTP/2 with the first request on a connection: `Upgrade: h2c`. A
server may ignore that (RFC 9110, section 7.8). But httptools stops reading at the end of such a head, and uvicorn drops
the body that follows. So the head is parsed a second time, without the offer. Other requests don't take this path.
"""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

INVALID = "Invalid HTTP request received."


class UpgradeIgnoringProtocol(HttpToolsProtocol):
    """One connection. uvicorn answers `CONNECT`, which httptools takes for an offer as well, with a 405."""

    def data_received(self, data: bytes) -> None:
        """As uvicorn's own, which does not look at where an offer ends."""
        self._unset_keepalive_if_required()
        rest = memoryview(data)
        try:
            while rest:
                rest = self._read(rest)
        except httptools.HttpParserError:
            self.logger.warning(INVALID)
            self.send_400_response(INVALID)

    def _read(self, data: memoryview) -> memoryview:
        """Parse up to the end of the data or of a head that offers an upgrade. Returns what is left to parse."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if self._is_connect():
                return data[:0]
            self._parse_head_without_offer()
            return data[offer.args[0] :]
        return data[:0]

    def _should_upgrade(self) -> bool:
        """While this is true, uvicorn makes no request of what it reads."""
        return not self._is_connect()

    def _is_connect(self) -> bool:
        return self.parser.get_method() == b"CONNECT"

    def _parse_head_without_offer(self) -> None:
        """Without the field `Upgrade`, the token `upgrade` in `Connection` has no meaning."""
        request_line = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        fields = [b"%b: %b" % (name, value) for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)  # the old one ignores all that follows a `Connection: close`
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self.parser.feed_data(b"\r\n".join([request_line, *fields, b"", b""]))
