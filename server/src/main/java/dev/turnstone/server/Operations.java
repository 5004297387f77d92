package dev.turnstone.server;

import dev.turnstone.server.http.Contract;
import dev.turnstone.server.http.InFlight;
import dev.turnstone.server.http.Metrics;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import dev.turnstone.server.http.Wire;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Whether the server lives and takes work, its figures and its contract.
final class Operations {
  private final Metrics metrics;
  private final Contract contract;
  private final InFlight inFlight;

  Operations(Metrics metrics, Contract contract, InFlight inFlight) {
    this.metrics = metrics;
    this.contract = contract;
    this.inFlight = inFlight;
  }

  /// What answers while the policy is loaded.
  List<Route> starting() {
    return List.of(
        Route.get("/health", Scope.OPEN, call -> status("ok")),
        Route.get(
            "/ready",
            Scope.OPEN,
            call -> {
              throw Refused.busy("the server is starting", "starting");
            }));
  }

  List<Route> routes() {
    return List.of(
        Route.get("/health", Scope.OPEN, call -> status("ok")),
        Route.get("/ping", Scope.OPEN, call -> status("ok")),
        Route.get("/liveness", Scope.OPEN, call -> status("ok")),
        Route.get("/ready", Scope.OPEN, call -> ready()),
        Route.get("/readiness", Scope.OPEN, call -> ready()),
        Route.get(
            "/version",
            Scope.OPEN,
            call -> Reply.ok(Wire.JSON.createObjectNode().put("version", version()))),
        Route.get(
            "/load",
            Scope.OPEN,
            call -> Reply.ok(Wire.JSON.createObjectNode().put("server_load", inFlight.count()))),
        Route.get(
            "/metrics",
            Scope.ADMIN,
            call -> new Reply.Text(Metrics.CONTENT_TYPE, metrics.scrape())),
        Route.get(
            "/openapi.yaml",
            Scope.OPEN,
            call -> new Reply.Text("application/yaml", contract.document())));
  }

  /// As the contract says it.
  private String version() {
    Matcher version = Pattern.compile("(?m)^  version: *(\\S+)").matcher(contract.document());
    if (!version.find()) throw new IllegalStateException("the contract has no version");
    return version.group(1);
  }

  private Reply ready() {
    inFlight.checkOpen();
    return status("ok");
  }

  private static Reply status(String status) {
    return Reply.ok(Wire.JSON.createObjectNode().put("status", status));
  }
}
