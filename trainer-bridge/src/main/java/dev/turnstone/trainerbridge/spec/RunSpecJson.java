package dev.turnstone.trainerbridge.spec;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.RolloutLimits;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.StopReason.Use;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.RunSpec.Driver;
import dev.turnstone.trainerbridge.spec.RunSpec.ZeroVariance;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/// A run's specification as JSON, and its defaults.
public final class RunSpecJson {
  private static final double MAX_SECONDS = 14 * 24 * 3600;
  private static final String NO_ENVIRONMENT = "agent";
  private static final Fields NOTHING = Fields.of("", JsonText.object());

  private RunSpecJson() {}

  static RunSpec parse(Fields body, int contextLength) {
    int groupSize = Math.clamp(body.integer("group_size"), -1, Integer.MAX_VALUE);
    Driver driver = body.choice("driver", Driver.class).orElse(Driver.ENVIRONMENT);
    RolloutLimits limits = limits(body.object("limits").orElse(NOTHING), contextLength, driver);
    return new RunSpec(
        body.text("run"),
        driver == Driver.AGENT
            ? body.optionalText("environment").orElse(NO_ENVIRONMENT)
            : body.text("environment"),
        driver,
        groupSize,
        SamplingJson.read(body.object("sampling").orElse(NOTHING)),
        limits,
        body.integer("max_staleness", 1),
        body.integer("groups_per_version", 8),
        incomplete(body.object("incomplete").orElse(NOTHING), groupSize, limits.wallTime()),
        body.choice("zero_variance", ZeroVariance.class).orElse(ZeroVariance.KEEP),
        body.choice("kv", WeightsUpdate.Kv.class).orElse(WeightsUpdate.Kv.RECOMPUTE),
        body.choice("pause", WeightsUpdate.Pause.class).orElse(WeightsUpdate.Pause.KEEP),
        stops(body.object("stops")),
        body.flag("allow_truncated_sampling", false),
        body.flag("greedy_baseline", false),
        body.object("overlong").map(RunSpecJson::overlong),
        body.optionalText("advantages"));
  }

  private static Overlong overlong(Fields fields) {
    return new Overlong(
        Math.clamp(fields.integer("max_tokens"), -1, Integer.MAX_VALUE),
        Math.clamp(fields.integer("buffer"), -1, Integer.MAX_VALUE),
        fields.number("weight", 1));
  }

  static ObjectNode write(RunSpec spec) {
    ObjectNode body = JsonText.object();
    body.put("run", spec.run()).put("environment", spec.environment());
    if (spec.driver() != Driver.ENVIRONMENT) body.put("driver", Fields.wire(spec.driver()));
    body.put("group_size", spec.groupSize());
    body.set("sampling", SamplingJson.write(spec.sampling()));
    RolloutLimits limits = spec.limits();
    body.putObject("limits")
        .put("max_turns", limits.maxTurns())
        .put("max_turn_tokens", limits.maxTurnTokens())
        .put("max_tokens", limits.maxTokens())
        .put("context_length", limits.contextLength())
        .put("wall_time_s", seconds(limits.wallTime()))
        .put("max_consecutive_errors", limits.maxConsecutiveErrors());
    body.put("max_staleness", spec.maxStaleness());
    body.put("groups_per_version", spec.groupsPerVersion());
    body.putObject("incomplete")
        .put("policy", Fields.wire(spec.incomplete().policy()))
        .put("min_k", spec.incomplete().minK())
        .put("group_deadline_s", seconds(spec.incomplete().groupDeadline()))
        .put("refills", spec.incomplete().refills());
    body.put("zero_variance", Fields.wire(spec.zeroVariance()));
    body.put("kv", Fields.wire(spec.kv())).put("pause", Fields.wire(spec.pause()));
    ObjectNode stops = body.putObject("stops");
    spec.stops().forEach((stop, use) -> stops.put(stop.wire(), Fields.wire(use)));
    body.put("allow_truncated_sampling", spec.allowTruncatedSampling());
    spec.overlong()
        .ifPresent(overlong ->
            body.putObject("overlong")
                .put("max_tokens", overlong.maxTokens())
                .put("buffer", overlong.buffer())
                .put("weight", overlong.weight()));
    spec.advantages().ifPresent(algorithm -> body.put("advantages", algorithm));
    return body.put("greedy_baseline", spec.greedyBaseline());
  }

  /// An agent's calls are many and its rows several, so it is bounded by time first.
  private static RolloutLimits limits(Fields fields, int contextLength, Driver driver) {
    boolean agent = driver == Driver.AGENT;
    int context = fields.integer("context_length", contextLength);
    if (context > contextLength)
      throw new IllegalArgumentException(
          "limits.context_length is above the policy's %d: %d".formatted(contextLength, context));
    return new RolloutLimits(
        fields.integer("max_turns", agent ? 1000 : 8),
        fields.integer("max_turn_tokens", context),
        fields.integer("max_tokens", agent ? 1 << 20 : context),
        context,
        duration(fields, "wall_time_s", agent ? 3600 : 300),
        fields.integer("max_consecutive_errors", 3));
  }

  /// The default deadline leaves every rollout its wall time, and a refill as much again.
  private static Incomplete incomplete(Fields fields, int groupSize, Duration wallTime) {
    return new Incomplete(
        fields.choice("policy", Incomplete.Policy.class).orElse(Incomplete.Policy.WAIT),
        fields.integer("min_k", 2),
        duration(fields, "group_deadline_s", Math.clamp(2 * seconds(wallTime), 300, MAX_SECONDS)),
        fields.integer("refills", groupSize));
  }

  private static Map<StopReason, Use> stops(Optional<Fields> fields) {
    Map<StopReason, Use> stops = new EnumMap<>(StopReason.class);
    if (fields.isEmpty()) return stops;
    for (String name : fields.get().names())
      fields.get().choice(name, Use.class).ifPresent(use -> stops.put(stop(name), use));
    return stops;
  }

  private static StopReason stop(String name) {
    return Arrays.stream(StopReason.values())
        .filter(stop -> stop.wire().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("stops names no stop reason: " + name));
  }

  private static Duration duration(Fields fields, String name, double otherwise) {
    double seconds = fields.number(name, otherwise);
    if (!(seconds > 0 && seconds <= MAX_SECONDS))
      throw new IllegalArgumentException(
          "%s is not in (0, %.0f]: %s".formatted(name, MAX_SECONDS, seconds));
    return Duration.ofNanos(Math.max(1, Math.round(seconds * 1e9)));
  }

  private static double seconds(Duration duration) {
    return duration.toNanos() / 1e9;
  }
}
