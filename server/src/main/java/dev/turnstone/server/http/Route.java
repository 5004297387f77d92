package dev.turnstone.server.http;

import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;
import java.util.Optional;

/// One line of the table of routes.
///
/// @param path with parameters as `:name`
/// @param schema of the body in `turnstone.yaml`; empty if the route takes no body
/// @param gate bounds how many of its calls are in flight
/// @param upgrade present if the route becomes a WebSocket instead of being answered
/// @param errors how its errors are written
/// @param bodyOptional whether no body counts as an empty object
public record Route(
    HttpMethod method,
    String path,
    Scope scope,
    Optional<String> schema,
    Gate gate,
    Endpoint endpoint,
    Optional<Upgrade> upgrade,
    ErrorShape errors,
    boolean bodyOptional) {

  /// Answers one call, on a virtual thread of its own, which is interrupted if the client goes
  /// away.
  @FunctionalInterface
  public interface Endpoint {
    Reply answer(Call call) throws InterruptedException;
  }

  /// Takes the connection over, on its event loop.
  @FunctionalInterface
  public interface Upgrade {
    void upgrade(RoutingContext context);
  }

  public static Route get(String path, Scope scope, Endpoint endpoint) {
    return of(HttpMethod.GET, path, scope, Optional.empty(), endpoint);
  }

  public static Route delete(String path, Scope scope, Endpoint endpoint) {
    return of(HttpMethod.DELETE, path, scope, Optional.empty(), endpoint);
  }

  /// A POST without a body.
  public static Route post(String path, Scope scope, Endpoint endpoint) {
    return of(HttpMethod.POST, path, scope, Optional.empty(), endpoint);
  }

  /// A POST whose body fits `schema`.
  public static Route post(String path, Scope scope, String schema, Endpoint endpoint) {
    return of(HttpMethod.POST, path, scope, Optional.of(schema), endpoint);
  }

  public static Route socket(String path, Scope scope, Upgrade upgrade) {
    Endpoint none =
        call -> {
          throw new IllegalStateException(path + " is a WebSocket");
        };
    return new Route(
        HttpMethod.GET,
        path,
        scope,
        Optional.empty(),
        Gate.OPEN,
        none,
        Optional.of(upgrade),
        ErrorShape.OPENAI,
        false);
  }

  private static Route of(
      HttpMethod method, String path, Scope scope, Optional<String> schema, Endpoint endpoint) {
    return new Route(
        method,
        path,
        scope,
        schema,
        Gate.OPEN,
        endpoint,
        Optional.empty(),
        ErrorShape.OPENAI,
        false);
  }

  /// The same route at another path.
  public Route at(String other) {
    return new Route(method, other, scope, schema, gate, endpoint, upgrade, errors, bodyOptional);
  }

  /// The same route with another answer.
  public Route answering(Endpoint other) {
    return new Route(method, path, scope, schema, gate, other, upgrade, errors, bodyOptional);
  }

  /// The same route with a bound on its calls.
  public Route within(Gate bound) {
    return new Route(method, path, scope, schema, bound, endpoint, upgrade, errors, bodyOptional);
  }

  /// The same route with errors as another wire writes them.
  public Route errors(ErrorShape shape) {
    return new Route(method, path, scope, schema, gate, endpoint, upgrade, shape, bodyOptional);
  }

  /// The same route for clients that send no body where an empty object would do.
  public Route withOptionalBody() {
    return new Route(method, path, scope, schema, gate, endpoint, upgrade, errors, true);
  }
}
