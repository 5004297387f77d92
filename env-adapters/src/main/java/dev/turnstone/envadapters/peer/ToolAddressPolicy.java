package dev.turnstone.envadapters.peer;

import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Which addresses tools, sandboxes and verifiers may be reached at: all public ones, and those the
/// operator lists. It is asked about the very address a socket is about to connect to, so a name
/// that resolves differently later gains nothing.
public final class ToolAddressPolicy {
  /// Only public addresses.
  public static final ToolAddressPolicy PUBLIC_ONLY = new ToolAddressPolicy(List.of());

  /// Not reachable without an entry on the list. Sources: IANA special-purpose address registries.
  private static final Map<AddressRange, String> SPECIAL = special();

  private final List<AddressRange> allowed;

  private ToolAddressPolicy(List<AddressRange> allowed) {
    this.allowed = allowed;
  }

  /// A policy with the operator's list.
  ///
  /// @param entries IP addresses or ranges, with or without a port: `127.0.0.1:8080`,
  ///   `10.1.0.0/16`, `[::1]:8080`, `fd00::/8`. Names are not taken.
  /// @throws IllegalArgumentException with one sentence that shows the bad entry
  public static ToolAddressPolicy of(Collection<String> entries) {
    return new ToolAddressPolicy(entries.stream().map(AddressRange::parse).toList());
  }

  /// Why an address may not be connected to, as the end of a sentence; empty if it may.
  public Optional<String> objection(InetAddress address, int port) {
    if (allowed.stream().anyMatch(range -> range.contains(address, port))) return Optional.empty();
    return kind(address)
        .map(kind ->
            "%s port %d is %s address that the server's tool allow-list lacks"
                .formatted(address.getHostAddress(), port, kind));
  }

  private static Optional<String> kind(InetAddress address) {
    for (var special : SPECIAL.entrySet())
      if (special.getKey().contains(address)) return Optional.of(special.getValue());
    try {
      // A public address of this machine reaches services that trust their own host.
      return NetworkInterface.getByInetAddress(address) == null
          ? Optional.empty()
          : Optional.of("an own");
    } catch (SocketException e) {
      return Optional.of("an unverifiable (" + e.getMessage() + ")");
    }
  }

  private static Map<AddressRange, String> special() {
    Map<AddressRange, String> ranges = new LinkedHashMap<>();
    List.of("127.0.0.0/8", "::1").forEach(r -> ranges.put(AddressRange.parse(r), "a loopback"));
    List.of("0.0.0.0/8", "::").forEach(r -> ranges.put(AddressRange.parse(r), "an own"));
    List.of("169.254.0.0/16", "fe80::/10")
        .forEach(r -> ranges.put(AddressRange.parse(r), "a link-local"));
    List.of(
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "fc00::/7",
            "fec0::/10")
        .forEach(r -> ranges.put(AddressRange.parse(r), "a private"));
    List.of("192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "100::/64")
        .forEach(r -> ranges.put(AddressRange.parse(r), "a reserved"));
    List.of("224.0.0.0/4", "ff00::/8")
        .forEach(r -> ranges.put(AddressRange.parse(r), "a multicast"));
    // These hold an IPv4 address that could be any of the above.
    List.of("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
        .forEach(r -> ranges.put(AddressRange.parse(r), "a translated"));
    return ranges;
  }
}
