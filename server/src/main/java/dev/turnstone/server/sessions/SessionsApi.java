package dev.turnstone.server.sessions;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.rollout.session.SessionSummary;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.Gate;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.spec.SamplingJson;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/// `/v1/sessions`: opening, scoring and finishing, for whoever is not the agent.
public final class SessionsApi {
  private static final double USUAL_DEADLINE = 3600;
  private static final double MAX_SECONDS = 14 * 24 * 3600;

  private final Sessions sessions;
  private final AgentKeys keys;
  private final Function<Trajectory, JsonNode> trajectories;

  /// @param trajectories writes a trajectory as JSON
  public SessionsApi(
      Sessions sessions, AgentKeys keys, Function<Trajectory, JsonNode> trajectories) {
    this.sessions = sessions;
    this.keys = keys;
    this.trajectories = trajectories;
  }

  public List<Route> routes(Gate gate) {
    return List.of(
            Route.post("/v1/sessions", Scope.RUN, "SessionRequest", this::open),
            Route.get("/v1/sessions/:session", Scope.RUN, call -> Reply.ok(state(find(call)))),
            Route.post("/v1/sessions/:session/reward", Scope.RUN, "SessionReward", this::reward),
            Route.post("/v1/sessions/:session/finish", Scope.RUN, "SessionFinish", this::finish),
            Route.get("/v1/sessions/:session/trajectory", Scope.RUN, this::trajectory))
        .stream()
        .map(route -> route.within(gate))
        .toList();
  }

  /// How an agent reaches a rollout's session: `{id, base_url, agent_key}`.
  public ObjectNode access(RolloutId rollout, Call call) {
    return access(Sessions.id(rollout), call);
  }

  /// The same by the session's id.
  public ObjectNode access(String id, Call call) {
    String host = call.header("Host").orElse("127.0.0.1");
    return Wire.JSON
        .createObjectNode()
        .put("id", id)
        .put("base_url", "http://%s/sessions/%s/v1".formatted(host, id))
        .put("agent_key", keys.key(id));
  }

  /// The sessions of one group that are open now, those of later attempts included.
  public ArrayNode open(String run, String group, Call call) {
    ArrayNode list = Wire.JSON.createArrayNode();
    sessions.open(run, group).forEach(id -> list.add(access(id, call)));
    return list;
  }

  private Reply open(Call call) {
    JsonNode body = call.body();
    double seconds = body.path("deadline_s").asDouble(USUAL_DEADLINE);
    if (!(seconds > 0 && seconds <= MAX_SECONDS))
      throw Refused.bad(
          "deadline_s is not in (0, %.0f]: %s".formatted(MAX_SECONDS, seconds), "deadline_s");
    Session session =
        sessions.open(
            new SessionRules(
                sampling(body.path("sampling")),
                Optional.empty(),
                Duration.ofMillis((long) (1000 * seconds))));
    return new Reply.Json(201, access(session.id(), call));
  }

  private static Optional<Sampling> sampling(JsonNode sampling) {
    if (!sampling.isObject()) return Optional.empty();
    try {
      return Optional.of(SamplingJson.read(Fields.of("sampling", sampling)));
    } catch (IllegalArgumentException e) {
      throw Refused.bad("sampling: " + e.getMessage(), "sampling");
    }
  }

  private Session find(Call call) {
    return sessions.find(call.path("session"));
  }

  private Reply reward(Call call) {
    Session session = find(call);
    JsonNode body = call.body();
    double value = body.path("reward").asDouble();
    if (body.path("turn").isNumber()) session.reward(body.path("turn").intValue(), value);
    else session.reward(value, parts(body));
    return Reply.ok(state(session));
  }

  private static Map<String, Double> parts(JsonNode body) {
    Map<String, Double> parts = new LinkedHashMap<>();
    body.path("parts").properties().forEach(e -> parts.put(e.getKey(), e.getValue().asDouble()));
    return parts;
  }

  private Reply finish(Call call) throws InterruptedException {
    Session session = find(call);
    JsonNode body = call.body();
    if (body.path("reward").isNumber() && session.trajectory().isEmpty())
      session.reward(body.path("reward").asDouble(), parts(body));
    sessions.finish(session, Optional.ofNullable(body.path("stop").textValue()).map(this::stop));
    return Reply.ok(state(session));
  }

  private StopReason stop(String name) {
    return Arrays.stream(StopReason.values())
        .filter(stop -> stop.wire().equals(name))
        .findFirst()
        .orElseThrow(() -> Refused.bad("stop is no stop reason: " + name, "stop"));
  }

  private Reply trajectory(Call call) {
    Session session = find(call);
    return session
        .trajectory()
        .map(made -> Reply.ok(trajectories.apply(made)))
        .orElseThrow(() ->
            Refused.of(400, "session %s is not finished".formatted(session.id()), "session_open"));
  }

  private static ObjectNode state(Session session) {
    Optional<Trajectory> made = session.trajectory();
    SessionSummary summary = session.record().summary();
    ObjectNode state = Wire.JSON.createObjectNode().put("id", session.id());
    state.put("state", made.isPresent() ? "finished" : session.isClosing() ? "closing" : "open");
    state.put("running", session.calls().running()).put("lost", session.calls().lost());
    made.ifPresent(trajectory -> {
      state.put("stop", trajectory.stop().wire()).put("detail", trajectory.detail());
      state.put("rows", trajectory.rows().size());
      trajectory
          .reward()
          .ifPresentOrElse(
              reward -> state.put("reward", reward.value()), () -> state.putNull("reward"));
    });
    ArrayNode turns = state.putArray("turns");
    for (SessionSummary.Turn turn : summary.turns()) {
      ObjectNode one = turns.addObject().put("turn", turn.number());
      turn.follows().ifPresentOrElse(n -> one.put("follows", n), () -> one.putNull("follows"));
      one.put("match", turn.match().kind().name().toLowerCase(Locale.ROOT));
      one.put("reason", turn.match().reason());
      one.put("generated_tokens", turn.generated()).put("cached_tokens", turn.cached());
      one.put("length", turn.length()).put("discarded", turn.discarded());
    }
    return state;
  }
}
