package dev.turnstone.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Policy;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import dev.turnstone.server.http.Wire;
import dev.turnstone.upstream.EngineStatus;
import dev.turnstone.upstream.UpstreamPolicy;
import java.util.List;

/// `GET /v1/engines`: the engines elsewhere that are the policy, and why those that do not serve do
/// not. None with an embedded engine.
final class EnginesApi {
  private final Policy policy;

  EnginesApi(Policy policy) {
    this.policy = policy;
  }

  List<Route> routes() {
    return List.of(Route.get("/v1/engines", Scope.ADMIN, call -> Reply.ok(engines())));
  }

  private ObjectNode engines() {
    ObjectNode reply = Wire.JSON.createObjectNode();
    ArrayNode list = reply.putArray("engines");
    if (policy instanceof UpstreamPolicy upstream)
      for (EngineStatus engine : upstream.engines()) write(list.addObject(), engine);
    return reply;
  }

  private static void write(ObjectNode json, EngineStatus engine) {
    json.put("url", engine.name()).put("serving", engine.why().isEmpty());
    engine.why().ifPresent(why -> json.put("reason", why));
    json.put("in_flight", engine.load().inFlight())
        .put("conversations", engine.load().conversations())
        .put("concurrency", (int) engine.load().limit())
        .put("kv_usage", engine.kvUsage())
        .put("prompt_tokens", engine.prompted())
        .put("cached_tokens", engine.cached())
        .put("ejections", engine.ejections());
  }
}
