package dev.turnstone.server.runs;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.Task;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Gate;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import dev.turnstone.server.http.Wire;
import dev.turnstone.server.sessions.SessionsApi;
import dev.turnstone.trainerbridge.runs.Created;
import dev.turnstone.trainerbridge.runs.GroupState;
import dev.turnstone.trainerbridge.runs.Run;
import dev.turnstone.trainerbridge.runs.RunEvent;
import dev.turnstone.trainerbridge.runs.RunEvents;
import dev.turnstone.trainerbridge.runs.Runs;
import dev.turnstone.trainerbridge.runs.Submitted;
import dev.turnstone.trainerbridge.spec.GroupRequest;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.spec.RunSpec.Driver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/// `/v1/runs`: tasks in, and what became of them.
public final class RunsApi {
  /// How long an event stream may be silent, so that dead connections show.
  private static final Duration SILENCE = Duration.ofSeconds(15);

  private static final int WATCHERS = 256;

  private final Runs runs;
  private final Environments environments;
  private final Served served;
  private final SessionsApi sessions;
  private final Set<Thread> watchers = ConcurrentHashMap.newKeySet();

  public RunsApi(Runs runs, Environments environments, Served served, SessionsApi sessions) {
    this.sessions = sessions;
    this.runs = runs;
    this.environments = environments;
    this.served = served;
  }

  public List<Route> routes(Gate gate) {
    List<Route> routes =
        List.of(
            Route.get("/v1/runs", Scope.RUN, call -> list()),
            Route.post("/v1/runs", Scope.RUN, "Run", this::create),
            Route.get("/v1/runs/:run", Scope.RUN, call -> Reply.ok(state(run(call)))),
            Route.delete("/v1/runs/:run", Scope.RUN, this::cancel),
            Route.post("/v1/runs/:run/groups", Scope.RUN, "Submission", this::submit),
            Route.get("/v1/runs/:run/groups/:group", Scope.RUN, this::group),
            Route.get("/v1/runs/:run/rollouts/:group/:index", Scope.RUN, this::rollout),
            Route.post("/v1/runs/:run/end", Scope.RUN, this::end));
    List<Route> all = new ArrayList<>(routes.stream().map(route -> route.within(gate)).toList());
    all.add(
        Route.get("/v1/runs/:run/events", Scope.RUN, this::watch)
            .within(new Gate("watchers", WATCHERS)));
    return all;
  }

  /// Name of an unfinished run that uses an environment.
  public Optional<String> user(String environment) {
    return runs.all().stream()
        .filter(run -> run.spec().driver() == Driver.ENVIRONMENT)
        .filter(run -> run.spec().environment().equals(environment))
        .filter(run -> !List.of("ended", "cancelled").contains(run.state().state()))
        .map(run -> run.spec().run())
        .findFirst();
  }

  private Reply list() {
    ObjectNode reply = Wire.JSON.createObjectNode();
    ArrayNode list = reply.putArray("runs");
    runs.all().forEach(run -> list.add(state(run)));
    return Reply.ok(reply);
  }

  private static ObjectNode state(Run run) {
    return run.state().toJson();
  }

  private Reply create(Call call) {
    RunSpec spec = read(() -> RunSpec.parse(call.body(), served.policy().contextLength()));
    if (spec.driver() == Driver.ENVIRONMENT && environments.find(spec.environment()).isEmpty())
      throw Refused.bad(
          "environment %s is not registered".formatted(spec.environment()), "environment");
    return switch (runs.create(spec)) {
      case Created.Fresh(Run run) -> new Reply.Json(201, state(run));
      case Created.Known(Run run) -> Reply.ok(state(run));
      case Created.Refused(String why) -> throw Refused.bad(why);
    };
  }

  private Reply submit(Call call) {
    Run run = run(call);
    List<GroupRequest> groups = read(() -> GroupRequest.parseAll(call.body()));
    if (run.spec().driver() == Driver.ENVIRONMENT) checkTasks(run, groups);
    return switch (run.submit(groups)) {
      case Submitted.Accepted(int fresh) -> new Reply.Json(202, accepted(run, groups, fresh, call));
      case Submitted.Known() -> Reply.ok(accepted(run, groups, 0, call));
      case Submitted.Refused(String why) -> throw Refused.bad(why);
      case Submitted.Full(String why) -> throw Refused.busy(why, "full");
    };
  }

  private void checkTasks(Run run, List<GroupRequest> groups) {
    for (GroupRequest group : groups)
      environments
          .objection(task(group, run))
          .ifPresent(why -> {
            throw Refused.bad("group %s: %s".formatted(group.group(), why));
          });
  }

  private static Task task(GroupRequest group, Run run) {
    return new Task(group.group(), group.messages(), run.spec().environment(), group.data());
  }

  private ObjectNode accepted(Run run, List<GroupRequest> groups, int fresh, Call call) {
    ObjectNode reply = Wire.JSON.createObjectNode().put("accepted", fresh);
    ArrayNode names = reply.putArray("groups");
    groups.forEach(group -> names.add(group.group()));
    if (run.spec().driver() == Driver.AGENT) {
      ArrayNode list = reply.putArray("sessions");
      for (GroupRequest group : groups)
        for (int index = 0; index < run.spec().groupSize(); index++)
          list.add(
              sessions
                  .access(new RolloutId(run.spec().run(), group.group(), index, 0), call)
                  .put("group", group.group())
                  .put("index", index));
    }
    return reply;
  }

  private Reply group(Call call) {
    String name = call.path("group");
    Run run = run(call);
    ObjectNode group =
        run.views()
            .group(name)
            .map(GroupState::toJson)
            .orElseThrow(() ->
                Refused.notFound("there is no group %s".formatted(name), "group", "unknown_group"));
    if (run.spec().driver() == Driver.AGENT)
      group.set("sessions", sessions.open(run.spec().run(), name, call));
    return Reply.ok(group);
  }

  private Reply rollout(Call call) {
    String group = call.path("group");
    int index = index(call.path("index"));
    return run(call)
        .views()
        .trajectory(group, index)
        .map(trajectory -> Reply.ok(new TrajectoryJson(served.texts()).write(trajectory)))
        .orElseThrow(() ->
            Refused.notFound(
                "there is no finished rollout %d of group %s".formatted(index, group),
                "index",
                "unknown_rollout"));
  }

  private static int index(String text) {
    try {
      return Integer.parseUnsignedInt(text);
    } catch (NumberFormatException e) {
      throw Refused.bad("index must be an integer from 0, but is " + text, "index");
    }
  }

  private Reply end(Call call) {
    Run run = run(call);
    run.end();
    return Reply.ok(state(run));
  }

  private Reply cancel(Call call) {
    Run run = run(call);
    run.cancel();
    return Reply.ok(state(run));
  }

  private Reply watch(Call call) {
    Run run = run(call);
    long after = call.header("Last-Event-ID").map(RunsApi::eventId).orElse(Long.MAX_VALUE);
    return new Reply.Events(out -> {
      watchers.add(Thread.currentThread());
      try (RunEvents.Watch watch = run.events().watch(after)) {
        out.ping();
        // Nothing follows when the run has ended, but its past may have been asked for.
        Duration patience = ended(run) ? Duration.ZERO : SILENCE;
        while (tell(watch, patience, out)) {}
      } finally {
        watchers.remove(Thread.currentThread());
      }
    });
  }

  private static long eventId(String text) {
    try {
      return Long.parseUnsignedLong(text);
    } catch (NumberFormatException e) {
      throw Refused.bad("Last-Event-ID must be the id of an event, or 0, but is " + text);
    }
  }

  /// Sends everybody home who watches, so that a drain need not wait for them.
  public void stopWatching() {
    watchers.forEach(Thread::interrupt);
  }

  private static boolean ended(Run run) {
    return List.of("ended", "cancelled").contains(run.state().state());
  }

  /// Passes one event on.
  ///
  /// @return whether another may follow
  private static boolean tell(RunEvents.Watch watch, Duration patience, EventStream out)
      throws InterruptedException, EventStream.Gone {
    Optional<RunEvent> event = watch.next(patience);
    if (event.isEmpty()) {
      out.ping();
      return patience.isPositive();
    }
    out.event(event.get().name(), watch.number(), event.get().toJson());
    return !(event.get() instanceof RunEvent.Ended);
  }

  private Run run(Call call) {
    String name = call.path("run");
    return runs.lookUp(name).orElseThrow(() -> unknown(name));
  }

  static Refused unknown(String run) {
    return Refused.notFound("there is no run " + run, "run", "unknown_run");
  }

  private static <T> T read(Supplier<T> body) {
    try {
      return body.get();
    } catch (IllegalArgumentException e) {
      throw Refused.bad(String.valueOf(e.getMessage()));
    }
  }
}
