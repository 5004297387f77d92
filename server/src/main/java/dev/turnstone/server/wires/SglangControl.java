package dev.turnstone.server.wires;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.PausablePolicy;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.server.completion.Ask;
import dev.turnstone.server.completion.Completion;
import dev.turnstone.server.completion.Completions;
import dev.turnstone.server.completion.Ends;
import dev.turnstone.server.completion.Reading;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import dev.turnstone.server.http.Wire;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// SGLang's control wire: pause, abort, cache, weights from disk and their label, and what its
/// router says of its workers, of which this server is the only one.
public final class SglangControl {
  /// SGLang's own, after which an engine that generates nothing is taken for dead.
  private static final Duration HEALTH_PATIENCE = Duration.ofSeconds(20);

  private final Steering steering;
  private final Served served;
  private final Completions completions;

  public SglangControl(Steering steering, Served served, Completions completions) {
    this.steering = steering;
    this.served = served;
    this.completions = completions;
  }

  public List<Route> routes() {
    return Stream.of(
            post("/pause_generation", this::pause),
            post("/continue_generation", call -> resume()),
            post("/abort_request", this::abort),
            Route.get("/flush_cache", Scope.ADMIN, call -> flush()),
            post("/flush_cache", call -> flush()),
            post("/update_weights_from_disk", this::load),
            post("/update_weight_version", this::label),
            Route.get("/get_weight_version", Scope.ADMIN, call -> Reply.ok(version())),
            Route.get("/model_info", Scope.ADMIN, call -> Reply.ok(model())),
            Route.get("/get_model_info", Scope.ADMIN, call -> Reply.ok(model())),
            Route.get("/server_info", Scope.ADMIN, call -> Reply.ok(info())),
            Route.get("/get_server_info", Scope.ADMIN, call -> Reply.ok(info())),
            Route.get("/health_generate", Scope.OPEN, call -> generates()),
            Route.get("/workers", Scope.ADMIN, this::workers))
        .map(route -> route.errors(WireErrors.SGLANG_CONTROL))
        .toList();
  }

  private static Route post(String path, Route.Endpoint endpoint) {
    return Route.post(path, Scope.ADMIN, "ControlRequest", endpoint).withOptionalBody();
  }

  private Reply pause(Call call) throws InterruptedException {
    String mode = call.body().path("mode").asText("abort");
    steering.pause(
        switch (mode) {
          case "abort" -> Pause.ABORT;
          case "retract", "in_place" -> Pause.KEEP;
          default ->
              throw Refused.bad("mode must be abort, retract or in_place, but is " + mode, "mode");
        });
    if (mode.equals("retract")) steering.forgetPrefixes(true);
    return ok("Generation paused.");
  }

  private Reply resume() throws InterruptedException {
    steering.resume();
    return ok("Generation continued.");
  }

  private static Reply ok(String message) {
    return Reply.ok(Wire.JSON.createObjectNode().put("message", message).put("status", "ok"));
  }

  /// Names by prefix, as SGLang does; an empty name names nothing.
  private Reply abort(Call call) {
    boolean all = call.body().path("abort_all").asBoolean(false);
    String rid = call.body().path("rid").asText("");
    completions.abort(id -> all || (!rid.isEmpty() && id.startsWith(rid)));
    return new Reply.Text("text/plain; charset=utf-8", "");
  }

  private Reply flush() throws InterruptedException {
    if (!steering.forgetPrefixes(false))
      throw Refused.bad("the cache was not flushed: requests are running");
    return new Reply.Text("text/plain; charset=utf-8", "Cache flushed.\n");
  }

  /// What stands still goes on under the new weights; what runs ends first, or is aborted if asked.
  private Reply load(Call call) {
    JsonNode path = call.body().path("model_path");
    if (!path.isTextual())
      throw Refused.bad("model_path must be the folder of the weights", "model_path");
    boolean abort = call.body().path("abort_all_requests").asBoolean(false);
    Pause pause = abort ? Pause.ABORT : Pause.WAIT;
    int standing = steering.paused() ? completions.count() : 0;
    steering.load(
        path.textValue(),
        pause,
        Optional.ofNullable(call.body().path("weight_version").textValue()));
    return Reply.ok(
        Wire.JSON
            .createObjectNode()
            .put("success", true)
            .put("message", "Succeeded to update model weights.")
            .put("num_paused_requests", standing));
  }

  private Reply label(Call call) {
    JsonNode label = call.body().path("new_version");
    if (!label.isTextual()) throw Refused.bad("new_version must be text", "new_version");
    steering.label(label.textValue());
    return Reply.ok(
        Wire.JSON
            .createObjectNode()
            .put("success", true)
            .put("message", "Weight version updated.")
            .put("new_version", label.textValue()));
  }

  private ObjectNode version() {
    return Wire.JSON.createObjectNode().put("weight_version", steering.label());
  }

  private ObjectNode model() {
    return Wire.JSON
        .createObjectNode()
        .put("model_path", served.name())
        .put("tokenizer_path", served.name())
        .put("is_generation", true)
        .putNull("preferred_sampling_params")
        .put("max_model_len", served.policy().contextLength())
        .put("weight_version", steering.label());
  }

  /// What SGLang's clients read of a server's settings, its load and its weights.
  private ObjectNode info() {
    ObjectNode info = model();
    info.put("served_model_name", served.name())
        .put("context_length", served.policy().contextLength())
        .put("weight_version", steering.label())
        .put("status", paused() ? "paused" : "ready")
        .put("tp_size", 1)
        .put("dp_size", 1)
        .put("pp_size", 1);
    info.putArray("internal_states").addObject().put("num_running_reqs", completions.count());
    return info;
  }

  private boolean paused() {
    return served.policy() instanceof PausablePolicy policy && policy.paused();
  }

  /// Whether a token comes out.
  private Reply generates() throws InterruptedException {
    if (paused()) throw Refused.busy("generation is paused", "paused");
    Ask ask =
        new Ask(
            Tokens.of(served.format().stopIds().iterator().next()),
            Sampling.GREEDY,
            1,
            1,
            Ends.FORMAT,
            Reading.IDS);
    try (Completion completion = completions.prepare(List.of(ask))) {
      completions.begin("HEALTH_CHECK", completion, true);
      if (!completion.await(HEALTH_PATIENCE))
        throw Refused.busy(
            "no token came out in %s s".formatted(HEALTH_PATIENCE.toSeconds()), "unhealthy");
      return new Reply.Text("text/plain; charset=utf-8", "");
    } catch (PolicyException e) {
      throw Refused.busy("the policy does not generate", "unhealthy");
    }
  }

  private Reply workers(Call call) {
    ObjectNode reply = Wire.JSON.createObjectNode();
    reply
        .putArray("workers")
        .addObject()
        .put("id", "self")
        .put("url", "http://" + call.header("Host").orElse("localhost"))
        .put("model_id", served.name())
        .put("worker_type", "regular")
        .put("is_healthy", true)
        .put("load", completions.count());
    return Reply.ok(reply.put("total", 1));
  }
}
