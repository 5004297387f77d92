package dev.turnstone.server.runs;

import dev.turnstone.server.http.ErrorShape;
import dev.turnstone.server.http.Exchange;
import dev.turnstone.server.http.Gate;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Rim;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import dev.turnstone.trainerbridge.runs.Run;
import dev.turnstone.trainerbridge.runs.Runs;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// `/v1/runs/{run}/feed`: turns a request into a WebSocket that carries the run's feed.
public final class FeedApi {
  private static final int CONNECTIONS = 256;

  private final Runs runs;
  private final Gate gate = new Gate("feed connections", CONNECTIONS);

  public FeedApi(Runs runs) {
    this.runs = runs;
  }

  public List<Route> routes() {
    return List.of(Route.socket("/v1/runs/:run/feed", Scope.RUN, this::upgrade));
  }

  /// Runs on the event loop: a run that this server knows is found in memory.
  private void upgrade(RoutingContext context) {
    HttpServerRequest request = context.request();
    String name = String.valueOf(context.pathParam("run"));
    Optional<Run> known = runs.find(name);
    if (known.isPresent()) {
      upgrade(context, known.get());
      return;
    }
    request.pause();
    context
        .vertx()
        .executeBlocking(() -> runs.lookUp(name).orElseThrow(() -> RunsApi.unknown(name)))
        .onSuccess(run -> upgrade(context, run))
        .onFailure(failure -> Exchange.refuse(context.response(), why(failure), ErrorShape.OPENAI));
  }

  private static Refused why(Throwable failure) {
    return failure instanceof Refused refused
        ? refused
        : Refused.busy("the trajectory log does not answer now", "log_unavailable");
  }

  private void upgrade(RoutingContext context, Run run) {
    try {
      checkProtocol(context.request());
      gate.enter();
    } catch (Refused refusal) {
      Exchange.refuse(context.response(), refusal, ErrorShape.OPENAI);
      return;
    }
    context
        .request()
        .toWebSocket()
        .onSuccess(socket -> new FeedConnection(socket, gate::leave).carry(run))
        .onFailure(failure -> failed(context.response()));
  }

  private void failed(HttpServerResponse response) {
    gate.leave();
    if (!response.ended() && !response.closed())
      Exchange.refuse(
          response, Refused.bad("the WebSocket handshake is not valid"), ErrorShape.OPENAI);
  }

  private static void checkProtocol(HttpServerRequest request) {
    String upgrade = Optional.ofNullable(request.getHeader("Upgrade")).orElse("");
    if (!upgrade.equalsIgnoreCase("websocket"))
      throw Refused.of(
          426, "the feed is a WebSocket: send Upgrade: websocket", "websocket_expected");
    String offered = Optional.ofNullable(request.getHeader("Sec-WebSocket-Protocol")).orElse("");
    if (Arrays.stream(offered.split(",")).map(String::strip).noneMatch(Rim.FEED_PROTOCOL::equals))
      throw Refused.bad(
          "the feed's subprotocol is %s, but the client offers %s"
              .formatted(Rim.FEED_PROTOCOL, offered.isEmpty() ? "none" : offered));
  }
}
