package dev.turnstone.server.wires;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.server.completion.Completions;
import dev.turnstone.server.completion.Timings;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.Metrics;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import dev.turnstone.server.http.Wire;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/// vLLM's control wire: pause, abort, cache, sleep, and weights from disk in four phases.
///
/// Sleeping is a pause here: the memory of weights and cache is not given back, and the weights
/// stay good at either level.
public final class VllmControl {
  private static final Set<String> TAGS = Set.of("weights", "kv_cache");

  private final Steering steering;
  private final Completions completions;
  private final Set<String> asleep = new TreeSet<>(); // guarded by this
  private String level = "1"; // guarded by this
  private boolean updating; // guarded by this
  private Optional<String> folder = Optional.empty(); // guarded by this

  public VllmControl(Steering steering, Completions completions) {
    this.steering = steering;
    this.completions = completions;
  }

  /// vLLM's gauge of sleep: one line per state, of which one is 1.
  public void measure(Metrics metrics, String model) {
    for (String state : List.of("awake", "weights_offloaded", "discard_all")) {
      String[] labels =
          Stream.concat(Stream.of(Timings.labels(model)), Stream.of("sleep_state", state))
              .toArray(String[]::new);
      metrics.gauge(
          "vllm:engine_sleep_state",
          "Whether the engine is awake or asleep",
          this,
          control -> control.sleepState().equals(state) ? 1 : 0,
          labels);
    }
  }

  private synchronized String sleepState() {
    if (asleep.isEmpty()) return "awake";
    return level.equals("1") ? "weights_offloaded" : "discard_all";
  }

  public List<Route> routes() {
    return Stream.of(
            post("/pause", this::pause),
            post("/resume", call -> resume()),
            Route.get("/is_paused", Scope.ADMIN, call -> flag("is_paused", steering.paused())),
            post("/abort_requests", this::abort),
            post("/reset_prefix_cache", this::forget),
            post("/init_weight_transfer_engine", call -> said("Weight transfer initialized")),
            post("/start_weight_update", call -> start()),
            post("/update_weights", this::update),
            post("/finish_weight_update", this::finish),
            Route.get(
                "/weight_info", Scope.ADMIN, call -> text("weight_version", steering.label())),
            Route.get("/get_world_size", Scope.ADMIN, call -> worldSize()),
            post("/sleep", this::sleep),
            post("/wake_up", this::wake),
            Route.get("/is_sleeping", Scope.ADMIN, call -> flag("is_sleeping", sleeping())))
        .map(route -> route.errors(WireErrors.VLLM))
        .toList();
  }

  private static Route post(String path, Route.Endpoint endpoint) {
    return Route.post(path, Scope.ADMIN, "ControlRequest", endpoint).withOptionalBody();
  }

  private static Reply flag(String name, boolean value) {
    return Reply.ok(Wire.JSON.createObjectNode().put(name, value));
  }

  private static Reply text(String name, String value) {
    return Reply.ok(Wire.JSON.createObjectNode().put(name, value));
  }

  private static Reply said(String sentence) {
    return text("message", sentence);
  }

  private static Reply worldSize() {
    return Reply.ok(Wire.JSON.createObjectNode().put("world_size", 1));
  }

  private Reply pause(Call call) throws InterruptedException {
    Pause mode = mode(call);
    boolean clear = yes(call, "clear_cache", true);
    steering.pause(mode);
    if (clear && mode != Pause.KEEP) steering.forgetPrefixes(false);
    return text("status", "paused");
  }

  private static Pause mode(Call call) {
    String mode = call.query("mode").orElseGet(() -> call.body().path("mode").asText("abort"));
    return switch (mode) {
      case "abort" -> Pause.ABORT;
      case "wait" -> Pause.WAIT;
      case "keep" -> Pause.KEEP;
      default -> throw Refused.bad("mode must be abort, wait or keep, but is " + mode, "mode");
    };
  }

  private static boolean yes(Call call, String name, boolean otherwise) {
    String value = call.query(name).orElseGet(() -> call.body().path(name).asText(""));
    return switch (value) {
      case "" -> otherwise;
      case "true", "True", "1" -> true;
      case "false", "False", "0" -> false;
      default ->
          throw Refused.bad("%s must be true or false, but is %s".formatted(name, value), name);
    };
  }

  private Reply resume() throws InterruptedException {
    steering.resume();
    return text("status", "resumed");
  }

  private Reply abort(Call call) {
    JsonNode ids = call.body().path("request_ids");
    Set<String> named = new HashSet<>();
    ids.forEach(id -> named.add(id.asText().replaceFirst("^generate-tokens-", "")));
    int aborted = completions.abort(id -> ids.isMissingNode() || ids.isNull() || names(named, id));
    return Reply.ok(Wire.JSON.createObjectNode().put("status", "aborted").put("aborted", aborted));
  }

  /// An id may carry the prefix of its surface.
  private static boolean names(Set<String> named, String id) {
    return named.contains(id)
        || named.contains(id.replaceFirst("^(chatcmpl-|cmpl-|resp_|msg_)", ""));
  }

  private Reply forget(Call call) throws InterruptedException {
    return flag("success", steering.forgetPrefixes(yes(call, "reset_running_requests", false)));
  }

  private synchronized Reply start() {
    updating = true;
    folder = Optional.empty();
    return said("Weight update started");
  }

  /// Between start and finish it only says where the weights are; alone it loads them.
  private Reply update(Call call) {
    String where = where(call.body());
    synchronized (this) {
      if (updating) {
        folder = Optional.of(where);
        return said("Weights will be loaded when the update is finished");
      }
    }
    load(where, call);
    return said("Weights updated");
  }

  private static String where(JsonNode body) {
    for (JsonNode holder : List.of(body, body.path("update_info")))
      for (String name : List.of("weight_dir", "model_path", "weight_path", "path"))
        if (holder.path(name).isTextual()) return holder.path(name).textValue();
    throw Refused.bad(
        "update_info must have weight_dir, the folder of the weights: only weights from disk are"
            + " taken",
        "update_info");
  }

  private Reply finish(Call call) {
    String where;
    synchronized (this) {
      if (!updating)
        throw Refused.bad("no weight update was started: send /start_weight_update first");
      updating = false;
      where =
          folder.orElseThrow(
              () -> Refused.bad("the update has no weights: send /update_weights before its end"));
      folder = Optional.empty();
    }
    load(where, call);
    return Reply.ok(
        Wire.JSON
            .createObjectNode()
            .put("message", "Weight update finished")
            .put("weight_version", steering.label()));
  }

  private void load(String where, Call call) {
    Pause pause = Pause.KEEP;
    steering.load(
        where, pause, Optional.ofNullable(call.body().path("weight_version").textValue()));
  }

  private Reply sleep(Call call) throws InterruptedException {
    String wanted = call.query("level").orElse("1");
    if (!wanted.equals("1") && !wanted.equals("2"))
      throw Refused.bad("level must be 1 or 2, but is " + wanted, "level");
    steering.pause(mode(call));
    steering.forgetPrefixes(false);
    synchronized (this) {
      asleep.addAll(TAGS);
      level = wanted;
    }
    return new Reply.Text("application/json", "");
  }

  private Reply wake(Call call) throws InterruptedException {
    Set<String> tags = new HashSet<>(call.query().getAll("tags"));
    for (String tag : tags)
      if (!TAGS.contains(tag))
        throw Refused.bad("tags must be weights or kv_cache, but is " + tag, "tags");
    boolean awake;
    synchronized (this) {
      asleep.removeAll(tags.isEmpty() ? TAGS : tags);
      awake = asleep.isEmpty();
    }
    if (awake) steering.resume();
    return new Reply.Text("application/json", "");
  }

  private synchronized boolean sleeping() {
    return !asleep.isEmpty();
  }
}
