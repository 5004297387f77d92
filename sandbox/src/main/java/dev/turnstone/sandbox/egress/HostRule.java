package dev.turnstone.sandbox.egress;

import java.net.InetAddress;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// An entry of an allow-list: `host`, `host:port`, `*.domain`, an address such as `10.0.0.5:8080`
/// or `[fd00::1]:80`, or `*` for every public host.
///
/// @param host in lower case, without brackets
/// @param port empty for ports 80 and 443
record HostRule(String host, Optional<Integer> port) {
  private static final Pattern ENTRY =
      Pattern.compile("(\\[[0-9a-fA-F:.]+]|\\*|(?:\\*\\.)?[A-Za-z0-9._-]{1,253})(?::(\\d{1,5}))?");

  /// @throws IllegalArgumentException with one sentence
  static HostRule parse(String entry) {
    Matcher parts = ENTRY.matcher(entry);
    if (!parts.matches())
      throw new IllegalArgumentException(
          "network entries are host, host:port, *.domain or an address, was \"" + entry + "\"");
    String host = parts.group(1).toLowerCase(Locale.ROOT).replaceAll("[\\[\\]]", "");
    Optional<Integer> port = Optional.ofNullable(parts.group(2)).map(Integer::valueOf);
    if (port.isPresent() && (port.get() < 1 || port.get() > 65535))
      throw new IllegalArgumentException("network ports are 1 to 65535, was \"" + entry + "\"");
    return new HostRule(host, port);
  }

  boolean allows(String name, int to) {
    boolean named =
        host.equals("*")
            || host.equals(name)
            || (host.startsWith("*.") && name.endsWith(host.substring(1)));
    return named && allows(to);
  }

  private boolean allows(int to) {
    return port.map(p -> p == to).orElse(to == 80 || to == 443);
  }

  /// Whether it names this very address, which may then be a private one.
  boolean isLiterally(InetAddress address, int to) {
    return allows(to) && literal().map(address::equals).orElse(false);
  }

  private Optional<InetAddress> literal() {
    try {
      return Optional.of(InetAddress.ofLiteral(host));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // A name.
    }
  }

  /// Whether all that the other allows is allowed by this one.
  boolean covers(HostRule other) {
    boolean hosts =
        (host.equals("*") && other.literal().isEmpty())
            || host.equals(other.host)
            || (host.startsWith("*.") && other.host.endsWith(host.substring(1)));
    return hosts
        && (port.isEmpty() ? other.port.map(this::allows).orElse(true) : port.equals(other.port));
  }

  @Override
  public String toString() {
    return (host.contains(":") ? "[" + host + "]" : host) + port.map(p -> ":" + p).orElse("");
  }
}
