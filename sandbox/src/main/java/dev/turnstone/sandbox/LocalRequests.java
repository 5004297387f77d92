package dev.turnstone.sandbox;

import io.vertx.core.Handler;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.HostAndPort;
import io.vertx.ext.web.RoutingContext;
import java.net.URI;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Refuses what a web page of another site sends through a browser of this machine: by its
/// `Origin`, or by the name that it made resolve to this machine (DNS rebinding).
final class LocalRequests implements Handler<RoutingContext> {
  private final Set<String> names;

  LocalRequests(String host) {
    names =
        Stream.of("localhost", "127.0.0.1", "::1", "[::1]", host.toLowerCase(Locale.ROOT))
            .collect(Collectors.toUnmodifiableSet());
  }

  @Override
  public void handle(RoutingContext context) {
    Optional<String> refusal = refusal(context.request());
    if (refusal.isEmpty()) context.next();
    else Endpoints.write(context.response(), Reply.detail(403, refusal.get()));
  }

  private Optional<String> refusal(HttpServerRequest request) {
    HostAndPort authority = request.authority();
    String host = authority == null ? "" : authority.host();
    if (!isOurs(host)) return Optional.of("Host is not this machine: " + host);
    String origin = request.getHeader("Origin");
    if (origin != null && !isOurs(hostOf(origin)))
      return Optional.of("Origin is not this machine: " + origin);
    return Optional.empty();
  }

  private boolean isOurs(String host) {
    return names.contains(host.toLowerCase(Locale.ROOT));
  }

  private static String hostOf(String origin) {
    try {
      return Optional.ofNullable(URI.create(origin).getHost()).orElse("");
    } catch (IllegalArgumentException e) {
      return "";
    }
  }
}
