"""uvicorn's HTTP/1.1 protocol on httptools, except that an offer to switch to another protocol is ignored.

Java's HttpClient, and so Spring's RestClient, offers HTTP/2 with the first request on a connection: `Upgrade: h2c`. A
server may ignore that (RFC 9110, section 7.8). But httptools stops reading after the headers of such a request, and
uvicorn drops the body. So the headers are parsed a second time, without the offer. Other requests don't take this path.
"""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

INVALID = "Invalid HTTP request received."


class UpgradeIgnoringProtocol(HttpToolsProtocol):
    """One connection. `CONNECT`, which httptools also reports as an upgrade, is left to uvicorn's 405."""

    def data_received(self, data: bytes) -> None:
        """Like uvicorn's method, but goes on after the headers of an offer."""
        self._unset_keepalive_if_required()
        rest = memoryview(data)
        try:
            while rest:
                rest = self._read(rest)
        except httptools.HttpParserError:
            self.logger.warning(INVALID)
            self.send_400_response(INVALID)

    def _read(self, data: memoryview) -> memoryview:
        """Parse to the end of the data, or of headers that offer an upgrade. Returns the data left to parse."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if self._is_connect():
                return data[:0]
            self._parse_head_without_offer()
            return data[offer.args[0] :]
        return data[:0]

    def _should_upgrade(self) -> bool:
        """While this is true, uvicorn does not handle the request."""
        return not self._is_connect()

    def _is_connect(self) -> bool:
        return self.parser.get_method() == b"CONNECT"

    def _parse_head_without_offer(self) -> None:
        """Parse the headers again without `Upgrade`; `Connection: upgrade` alone has no effect."""
        request_line = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        fields = [b"%b: %b" % (name, value) for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)  # the old one ignores everything after `Connection: close`
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self.parser.feed_data(b"\r\n".join([request_line, *fields, b"", b""]))
