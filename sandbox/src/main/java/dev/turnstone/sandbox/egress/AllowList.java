package dev.turnstone.sandbox.egress;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Optional;

/// The hosts that a program may reach; everything else is refused.
///
/// A name counts for the address that it is about to be connected to, so one that resolves
/// differently the next time gains nothing; and that address must be public unless the list names
/// the address itself.
public record AllowList(List<HostRule> rules) {
  public static final AllowList NONE = new AllowList(List.of());

  /// Names to addresses, such as [InetAddress#getAllByName].
  interface Resolver {
    InetAddress[] addresses(String name) throws UnknownHostException;
  }

  /// A connection that is refused; why, for the program.
  static final class Refused extends Exception {
    private static final long serialVersionUID = 1;

    Refused(String message) {
      super(message);
    }
  }

  public AllowList {
    rules = List.copyOf(rules);
  }

  /// The list of some entries, each as [HostRule] reads it.
  ///
  /// @throws IllegalArgumentException with one sentence
  public static AllowList of(List<String> entries) {
    return new AllowList(entries.stream().map(HostRule::parse).toList());
  }

  public boolean isEmpty() {
    return rules.isEmpty();
  }

  /// The first entry of another list that goes beyond this one.
  public Optional<String> beyond(AllowList other) {
    return other.rules.stream()
        .filter(rule -> rules.stream().noneMatch(own -> own.covers(rule)))
        .map(HostRule::toString)
        .findFirst();
  }

  /// The address to connect to.
  InetAddress target(String name, int port, Resolver resolver)
      throws Refused, UnknownHostException {
    if (rules.stream().noneMatch(rule -> rule.allows(name, port)))
      throw new Refused("%s:%d is not on this program's network list".formatted(name, port));
    InetAddress[] addresses = resolver.addresses(name);
    for (InetAddress address : addresses)
      if (PublicAddress.is(address) || rules.stream().anyMatch(r -> r.isLiterally(address, port)))
        return address;
    throw new Refused(
        "%s is at %s, which is no public address; the list would have to name the address"
            .formatted(name, addresses[0].getHostAddress()));
  }
}
