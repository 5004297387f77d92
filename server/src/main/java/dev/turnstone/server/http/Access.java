package dev.turnstone.server.http;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/// Who may call what: the Host and Origin of every request, and the scope of its key.
///
/// Host keeps a web page from reaching a loopback server under a name of its own (DNS rebinding);
/// Origin keeps it from reaching the server under the server's name.
public final class Access {
  private static final Pattern IP = Pattern.compile("[0-9.]+|\\[[0-9a-f:.]+]");

  private final String boundHost;
  private final List<String> names;
  private final List<ApiKey> keys;
  private final Predicate<String> agentKey;

  /// Checks for a server bound to `boundHost`.
  ///
  /// @param names further names under which clients reach it
  /// @param keys none: everyone who reaches the server may do everything
  public Access(String boundHost, List<String> names, List<ApiKey> keys) {
    this(boundHost, names, keys, key -> false);
  }

  /// The same for a server with sessions.
  ///
  /// @param agentKey whether a key is an agent's, which opens models and generation
  public Access(
      String boundHost, List<String> names, List<ApiKey> keys, Predicate<String> agentKey) {
    this.agentKey = agentKey;
    this.boundHost = boundHost.toLowerCase(Locale.ROOT);
    this.names = names.stream().map(n -> n.toLowerCase(Locale.ROOT)).toList();
    this.keys = List.copyOf(keys);
    if (keys.isEmpty() && !loopback(this.boundHost))
      throw new StartupError(
          "host %s is reachable from elsewhere: set TURNSTONE_API_KEY, or leave out --host"
              .formatted(boundHost));
  }

  static boolean loopback(String host) {
    return host.equals("localhost") || host.equals("127.0.0.1") || bare(host).equals("::1");
  }

  /// Refuses a request that was not meant for this server.
  void checkAddress(Optional<String> host, Optional<String> origin) {
    String authority =
        host.orElseThrow(() -> Refused.bad("the request has no Host header"))
            .toLowerCase(Locale.ROOT);
    String name = authority.replaceFirst(":[0-9]*$", "");
    if (!known(name))
      throw Refused.forbidden(
          "host %s is not served here: name it under hosts in the configuration".formatted(name),
          "host_not_allowed");
    if (origin.isPresent() && !sameOrigin(origin.get(), authority))
      throw Refused.forbidden(
          "origin %s may not call this server".formatted(origin.get()), "origin_not_allowed");
  }

  private boolean known(String name) {
    if (loopback(name) || bare(name).equals(bare(boundHost)) || names.contains(name)) return true;
    // On a reachable address any literal address is fine: a name of someone else's is what harms.
    return !loopback(boundHost) && IP.matcher(name).matches();
  }

  private static boolean sameOrigin(String origin, String authority) {
    String lower = origin.toLowerCase(Locale.ROOT);
    return lower.equals("http://" + authority) || lower.equals("https://" + authority);
  }

  private static String bare(String host) {
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  /// Refuses a request whose key does not open `needed`.
  ///
  /// @param authorization the header of that name
  /// @param apiKey the header `x-api-key`, as Anthropic's clients send it
  /// @return the key, if the server has keys
  Optional<ApiKey> checkKey(Optional<String> authorization, Optional<String> apiKey, Scope needed) {
    if (needed == Scope.OPEN) return Optional.empty();
    if (apiKey.or(() -> authorization.map(Access::afterBearer)).filter(agentKey).isPresent()) {
      // Even where everybody may do everything an agent may not: it would pay itself.
      checkScope(Scope.AGENT, needed);
      return Optional.empty();
    }
    if (keys.isEmpty()) return Optional.empty();
    ApiKey known = find(apiKey.orElseGet(() -> bearer(authorization)));
    checkScope(known.scope(), needed);
    return Optional.of(known);
  }

  private static void checkScope(Scope scope, Scope needed) {
    if (!scope.includes(needed))
      throw Refused.forbidden(
          "the key's scope is %s, but this needs %s".formatted(scope.wire(), needed.wire()),
          "scope");
  }

  private static String afterBearer(String header) {
    return header.regionMatches(true, 0, "Bearer ", 0, 7) ? header.substring(7).strip() : "";
  }

  private static String bearer(Optional<String> authorization) {
    String header =
        authorization.orElseThrow(
            () -> Refused.unauthenticated("send a key as Authorization: Bearer KEY"));
    if (!header.regionMatches(true, 0, "Bearer ", 0, 7))
      throw Refused.unauthenticated("Authorization must be Bearer KEY");
    return header.substring(7).strip();
  }

  private ApiKey find(String key) {
    Optional<ApiKey> found = Optional.empty();
    for (ApiKey known : keys)
      if (known.opens(key) && (found.isEmpty() || known.scope().includes(found.get().scope())))
        found = Optional.of(known);
    return found.orElseThrow(() -> Refused.unauthenticated("the key is not known"));
  }
}
