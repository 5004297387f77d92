package dev.turnstone.sandbox.egress;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ProxyRequestTest {
  /// Else a list of one host would let programs out to all that share its address.
  @Test
  void aPlainRequestIsForTheHostThatWasChecked() throws Exception {
    ProxyRequest request =
        read(
            String.join(
                "\r\n",
                "POST http://Good.example:8080/a?b HTTP/1.1",
                "Host: evil.example",
                "X: 1\rHOST: c",
                "Connection: keep-alive",
                "Proxy-Authorization: p",
                "Content-Length: 2",
                "",
                "hi"));

    assertThat(request.host()).isEqualTo("good.example");
    assertThat(request.port()).isEqualTo(8080);
    assertThat(request.onward())
        .isEqualTo(
            String.join(
                "\r\n",
                "POST /a?b HTTP/1.1",
                "Host: Good.example:8080",
                "X: 1",
                "Content-Length: 2",
                "Connection: close",
                "",
                ""));
  }

  @Test
  void aTunnelNamesItsHostAndPort() throws Exception {
    assertThat(read("CONNECT [fd00::1]:8443 HTTP/1.1\r\n\r\n"))
        .isEqualTo(new ProxyRequest("fd00::1", 8443, ""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET http://a.example/ HTTP/1.1\r\n Host: b\r\n\r\n",
        "GET http://a.example/ HTTP/1.1\r\nHost : b\r\n\r\n",
        "GET http://a.example/ HTTP/1.1\r\nHost\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "GET ftp://a.example/ HTTP/1.1\r\n\r\n",
        "GET http://a.example/ b HTTP/1.1\r\n\r\n",
        "CONNECT a.example:x HTTP/1.1\r\n\r\n",
        "GET http://a.example/ HTTP/1.1\r\n",
        "\r\n\r\n"
      })
  void aHeadThatIsNoneIsRefused(String head) {
    assertThatThrownBy(() -> read(head)).isInstanceOf(ProxyRequest.Unreadable.class);
  }

  private static ProxyRequest read(String text) throws IOException, ProxyRequest.Unreadable {
    return ProxyRequest.read(new ByteArrayInputStream(text.getBytes(ISO_8859_1)));
  }
}
