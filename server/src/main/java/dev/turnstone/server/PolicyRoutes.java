package dev.turnstone.server;

import dev.turnstone.server.anthropic.Messages;
import dev.turnstone.server.completion.Completion.Pace;
import dev.turnstone.server.completion.Completions;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.completion.Timings;
import dev.turnstone.server.http.Gate;
import dev.turnstone.server.http.Metrics;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.openai.Chat;
import dev.turnstone.server.openai.Models;
import dev.turnstone.server.openai.TextCompletions;
import dev.turnstone.server.openai.Tokenization;
import dev.turnstone.server.responses.Responses;
import dev.turnstone.server.wires.SglangControl;
import dev.turnstone.server.wires.SglangGenerate;
import dev.turnstone.server.wires.Steering;
import dev.turnstone.server.wires.VllmControl;
import dev.turnstone.server.wires.VllmGenerate;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;

/// The routes that ask the policy, which share one bound on what is generated at once.
final class PolicyRoutes {
  private static final Clock CLOCK = Clock.systemUTC();

  private final Served served;
  private final Metrics metrics;
  private final Gate gate;
  private final Completions running;

  PolicyRoutes(Served served, Config config, Metrics metrics) {
    this.served = served;
    this.metrics = metrics;
    gate = new Gate("completions", config.maxCompletions());
    running =
        new Completions(
            served,
            new Pace(config.completionTimeout(), config.ping()),
            new Timings(metrics, served.name()));
    metrics.gauge("turnstone.completions", "Chat completions in flight", gate, Gate::inFlight);
    metrics.counter(
        "vllm:admission_rejections",
        "Requests that were refused before they were read, because too many were in flight",
        gate,
        Gate::rejected,
        "model_name",
        served.name(),
        "reason",
        "max_num_queued_reqs");
  }

  /// Those that generate for agents, of which sessions record each.
  List<Route> generation() {
    List<Route> routes = new ArrayList<>(new Chat(served, running, CLOCK).routes(gate));
    routes.addAll(new TextCompletions(served, running, CLOCK).routes(gate));
    routes.addAll(new Responses(served, running, CLOCK).routes(gate));
    routes.addAll(new Messages(served, running).routes(gate));
    return routes;
  }

  /// What agents ask besides generating.
  List<Route> models() {
    List<Route> routes = new ArrayList<>(new Models(served, CLOCK).routes());
    routes.addAll(new Tokenization(served).routes());
    return routes;
  }

  /// What trainers of other engines ask.
  List<Route> wires(Steering steering) {
    VllmControl control = new VllmControl(steering, running);
    control.measure(metrics, served.name());
    List<Route> routes = new ArrayList<>();
    routes.addAll(new VllmGenerate(served, running, CLOCK).routes(gate));
    routes.addAll(control.routes());
    routes.addAll(new SglangGenerate(served, running, steering).routes(gate));
    routes.addAll(new SglangControl(steering, served, running).routes());
    return routes;
  }
}
