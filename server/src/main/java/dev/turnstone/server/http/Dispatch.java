package dev.turnstone.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// Takes a request from its event loop to its endpoint: admits it, reads its body, checks that
/// against the contract, all before the endpoint runs on a virtual thread.
public final class Dispatch {
  private static final String KEY = "key";
  private static final String ERRORS = "errors";
  private static final Duration BODY_PATIENCE = Duration.ofSeconds(60);
  private static final Duration READER_PATIENCE = Duration.ofSeconds(60);

  private final Access access;
  private final Contract contract;
  private final Metrics metrics;
  private final InFlight inFlight;
  private final Duration readerPatience;

  public Dispatch(Access access, Contract contract, Metrics metrics, InFlight inFlight) {
    this(access, contract, metrics, inFlight, READER_PATIENCE);
  }

  /// @param readerPatience for a client that does not read its answer
  Dispatch(
      Access access,
      Contract contract,
      Metrics metrics,
      InFlight inFlight,
      Duration readerPatience) {
    this.readerPatience = readerPatience;
    this.access = access;
    this.contract = contract;
    this.metrics = metrics;
    this.inFlight = inFlight;
  }

  /// What a path is told that no route has.
  enum Unmatched {
    STARTING,
    NOT_FOUND
  }

  Router router(Vertx vertx, List<Route> routes, Unmatched unmatched) {
    Router router = Router.router(vertx);
    router.route().handler(this::admit);
    for (Route route : routes) {
      // Vert.x wants a body handler to be the first of its line, but keys come before bodies.
      line(router, route).handler(context -> authorize(route, context));
      var line = line(router, route);
      if (route.upgrade().isPresent()) {
        line.handler(route.upgrade().get()::upgrade);
        continue;
      }
      if (route.schema().isPresent()) {
        line.handler(BodyHandler.create(false).setBodyLimit(Wire.LIMIT));
      }
      line.handler(context -> handOver(route, context));
    }
    router.route().failureHandler(context -> fail(context, unmatched));
    for (int status : new int[] {400, 404, 405, 406, 413, 415, 500})
      router.errorHandler(status, context -> fail(context, unmatched));
    return router;
  }

  /// Whatever can be asked for can be asked about: HEAD is a GET whose body is not sent.
  private static io.vertx.ext.web.Route line(Router router, Route route) {
    var line = router.route(route.method(), route.path());
    return route.method().equals(HttpMethod.GET) && route.upgrade().isEmpty()
        ? line.method(HttpMethod.HEAD)
        : line;
  }

  /// Host and Origin first, on every path, whatever is there.
  private void admit(RoutingContext context) {
    HttpServerRequest request = context.request();
    access.checkAddress(
        Optional.ofNullable(request.authority()).map(Object::toString),
        Optional.ofNullable(request.getHeader("Origin")));
    // curl -d says that its JSON is a form: read as one, a "%" in it would be an error.
    request.headers().remove(HttpHeaders.CONTENT_TYPE);
    context.next();
  }

  private void authorize(Route route, RoutingContext context) {
    context.put(ERRORS, route.errors());
    HttpServerRequest request = context.request();
    access
        .checkKey(
            Optional.ofNullable(request.getHeader("Authorization")),
            Optional.ofNullable(request.getHeader("x-api-key")),
            route.scope())
        .ifPresent(key -> context.put(KEY, key));
    if (route.scope() != Scope.OPEN) inFlight.checkOpen();
    if (route.schema().isPresent()) hurry(context);
    context.next();
  }

  /// A body that does not arrive must not hold its connection for ever.
  private static void hurry(RoutingContext context) {
    Vertx vertx = context.vertx();
    long timer =
        vertx.setTimer(
            BODY_PATIENCE.toMillis(),
            id -> {
              if (!context.request().isEnded()) context.request().connection().close();
            });
    context.addEndHandler(done -> vertx.cancelTimer(timer));
  }

  private void handOver(Route route, RoutingContext context) {
    byte[] body =
        route.schema().isPresent() && context.body().buffer() != null
            ? context.body().buffer().getBytes()
            : new byte[0];
    long started = System.nanoTime();
    // Read here, where a query that cannot be decoded is 400.
    Call call =
        new Call(
            context.pathParams(),
            context.queryParams(),
            context.request().headers(),
            MissingNode.getInstance(),
            ByteBuffer.wrap(body).asReadOnlyBuffer());
    Exchange exchange =
        new Exchange(
            context.vertx().getOrCreateContext(),
            context.request(),
            route.errors(),
            readerPatience);
    exchange.start(
        inFlight,
        admissions(route, context),
        () -> answer(route, call, body),
        status -> metrics.answered(route, status, System.nanoTime() - started));
  }

  /// A key's own limit comes first: who is over it takes no place from others.
  private static List<Admission> admissions(Route route, RoutingContext context) {
    ApiKey key = context.get(KEY);
    return key == null || route.scope() != Scope.AGENT
        ? List.of(route.gate())
        : List.of(key.limit(), route.gate());
  }

  private Reply answer(Route route, Call call, byte[] body) throws InterruptedException {
    if (route.schema().isEmpty()) return route.endpoint().answer(call);
    Call read = new Call(call.path(), call.query(), call.headers(), read(route, body), call.raw());
    contract.check(route.schema().get(), read.body());
    return route.endpoint().answer(read);
  }

  private static JsonNode read(Route route, byte[] body) {
    return body.length == 0 && route.bodyOptional()
        ? Wire.JSON.createObjectNode()
        : Wire.read(body);
  }

  private static void fail(RoutingContext context, Unmatched unmatched) {
    if (context.response().headWritten()) return;
    ErrorShape errors = context.get(ERRORS);
    Exchange.refuse(
        context.response(),
        reason(context, unmatched),
        errors == null ? ErrorShape.OPENAI : errors);
  }

  private static Refused reason(RoutingContext context, Unmatched unmatched) {
    Throwable failure = context.failure();
    if (failure instanceof Refused refused) return refused;
    String path = context.request().path();
    return switch (context.statusCode()) {
      case 404 ->
          unmatched == Unmatched.STARTING
              ? Refused.busy("the server is starting", "starting")
              : Refused.notFound("there is no " + path, "path", "unknown_path");
      case 405 ->
          Refused.of(
              405, "%s does not take %s".formatted(path, context.request().method()), "method");
      case 413 ->
          Refused.of(413, "the body has more than %d bytes".formatted(Wire.LIMIT), "too_large");
      case 500 -> failure == null ? Refused.broken("the server failed") : Exchange.broken(failure);
      default -> Refused.bad("the request is not valid HTTP");
    };
  }
}
