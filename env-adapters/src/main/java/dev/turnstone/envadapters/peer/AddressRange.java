package dev.turnstone.envadapters.peer;

import java.net.InetAddress;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Addresses that share a prefix, on one port or on all.
///
/// @param prefix number of leading bits that count
/// @param port 0 means every port
public record AddressRange(InetAddress first, int prefix, int port) {
  private static final Pattern FORM =
      Pattern.compile(
          "(?:\\[([^\\]]+)\\]|([^\\[\\]/:]+|[^\\[\\]/]*:[^\\[\\]/]*:[^\\[\\]/]*))(?:/(\\d{1,3}))?(?::(\\d{1,5}))?");

  /// Reads `127.0.0.1`, `10.0.0.0/8`, `127.0.0.1:8080`, `fd00::/8` or `[::1]:8080`. Never resolves.
  public static AddressRange parse(String text) {
    Matcher form = FORM.matcher(text);
    if (!form.matches()) throw bad(text);
    String literal = form.group(1) != null ? form.group(1) : form.group(2);
    InetAddress first;
    try {
      first = InetAddress.ofLiteral(literal);
    } catch (IllegalArgumentException e) {
      throw bad(text);
    }
    int bits = first.getAddress().length * 8;
    int prefix = form.group(3) == null ? bits : Integer.parseInt(form.group(3));
    int port = form.group(4) == null ? 0 : Integer.parseInt(form.group(4));
    if (prefix > bits || port > 65535 || (form.group(4) != null && port == 0)) throw bad(text);
    return new AddressRange(first, prefix, port);
  }

  public boolean contains(InetAddress address, int onPort) {
    return (port == 0 || port == onPort) && contains(address);
  }

  public boolean contains(InetAddress address) {
    byte[] ours = first.getAddress();
    byte[] theirs = address.getAddress();
    if (ours.length != theirs.length) return false;
    for (int bit = 0; bit < prefix; bit++) {
      int shift = 7 - bit % 8;
      if (((ours[bit / 8] ^ theirs[bit / 8]) >> shift & 1) != 0) return false;
    }
    return true;
  }

  private static IllegalArgumentException bad(String text) {
    return new IllegalArgumentException(
        "tool address must be an IP address or a range such as 10.0.0.0/8, with or without a :port, was \"%s\""
            .formatted(text));
  }
}
