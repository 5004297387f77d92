package dev.turnstone.sandbox.egress;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The head of what a program sends to a proxy: `CONNECT host:port`, or a plain request with a
/// whole URL.
///
/// @param onward the head that goes to the target in its place, in Latin-1; empty for a tunnel
record ProxyRequest(String host, int port, String onward) {
  private static final int MAX_HEAD = 32 << 10;
  private static final Pattern HEADER = Pattern.compile("([!#$%&'*+.^_`|~0-9A-Za-z-]+):.*");
  private static final Set<String> OURS = Set.of("connection", "host");

  /// A head that is none; why.
  static final class Unreadable extends Exception {
    private static final long serialVersionUID = 1;

    Unreadable(String message) {
      super(message);
    }
  }

  boolean isTunnel() {
    return onward.isEmpty();
  }

  /// Reads up to the empty line, and no byte more.
  static ProxyRequest read(InputStream in) throws IOException, Unreadable {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    int ends = 0;
    while (ends < 2) {
      int next = in.read();
      if (next < 0) throw new Unreadable("the request ended in its head");
      if (head.size() == MAX_HEAD) throw new Unreadable("the request's head is too long");
      head.write(next);
      if (next == '\n') ends++;
      else if (next != '\r') ends = 0;
    }
    return of(head.toString(ISO_8859_1).lines().toList());
  }

  private static ProxyRequest of(List<String> lines) throws Unreadable {
    String[] words = lines.getFirst().split(" ");
    if (words.length != 3) throw new Unreadable("the request line is no request");
    try {
      boolean tunnel = words[0].equals("CONNECT");
      URI target = URI.create(tunnel ? "https://" + words[1] : words[1]);
      String host = target.getHost();
      if (host == null || (!tunnel && !"http".equals(target.getScheme())))
        throw new Unreadable("this is a proxy: use CONNECT, or a whole http:// URL");
      int port = target.getPort() > 0 ? target.getPort() : tunnel ? 443 : 80;
      String name = host.toLowerCase(Locale.ROOT).replaceAll("[\\[\\]]", "");
      return new ProxyRequest(name, port, tunnel ? "" : onward(words, target, lines));
    } catch (IllegalArgumentException e) {
      throw new Unreadable("the target is no URL: " + words[1]);
    }
  }

  /// One request a connection, so that the next one is checked like the first, and for the host
  /// that was checked: a server may have others behind the same address (RFC 9112, 3.2.2).
  private static String onward(String[] words, URI target, List<String> lines) throws Unreadable {
    String path = target.getRawPath().isEmpty() ? "/" : target.getRawPath();
    String query = target.getRawQuery() == null ? "" : "?" + target.getRawQuery();
    String port = target.getPort() > 0 ? ":" + target.getPort() : "";
    StringBuilder head = new StringBuilder(words[0] + " " + path + query + " HTTP/1.1\r\n");
    head.append("Host: ").append(target.getHost()).append(port).append("\r\n");
    for (String line : lines.subList(1, lines.size())) {
      if (line.isEmpty()) continue;
      Matcher header = HEADER.matcher(line);
      if (!header.matches()) throw new Unreadable("a header is no name, colon and value");
      String name = header.group(1).toLowerCase(Locale.ROOT);
      if (!name.startsWith("proxy-") && !OURS.contains(name)) head.append(line).append("\r\n");
    }
    return head.append("Connection: close\r\n\r\n").toString();
  }
}
