package dev.turnstone.upstream.http;

import java.net.URI;

/// Where connections go.
///
/// @param secure whether they are TLS
/// @param host without the brackets of an IPv6 address
record Origin(boolean secure, String host, int port) {
  private static final int HTTP = 80;
  private static final int HTTPS = 443;

  /// @throws IllegalArgumentException if the address names no host
  static Origin of(URI address) {
    boolean secure = "https".equalsIgnoreCase(address.getScheme());
    String host = address.getHost();
    if (host == null) throw new IllegalArgumentException(address + " names no host");
    if (host.startsWith("[")) host = host.substring(1, host.length() - 1);
    int usual = secure ? HTTPS : HTTP;
    return new Origin(secure, host, address.getPort() < 0 ? usual : address.getPort());
  }

  /// As the header says it.
  String authority() {
    String name = host.contains(":") ? "[" + host + "]" : host;
    return port == (secure ? HTTPS : HTTP) ? name : name + ":" + port;
  }
}
