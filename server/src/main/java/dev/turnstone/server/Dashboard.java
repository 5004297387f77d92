package dev.turnstone.server;

import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// The live page at `/`: runs, plots, rollouts and their tokens. Its files hold nothing; what they
/// show they ask for with the viewer's key.
final class Dashboard {
  private static final String SCRIPT = "text/javascript; charset=utf-8";

  private final Reply page = file("index.html", "text/html; charset=utf-8");
  private final Map<String, Reply> parts =
      Map.of(
          "dashboard.css", file("dashboard.css", "text/css; charset=utf-8"),
          "dashboard.js", file("dashboard.js", SCRIPT),
          "plots.js", file("plots.js", SCRIPT),
          "trajectory.js", file("trajectory.js", SCRIPT));

  List<Route> routes() {
    return List.of(
        Route.get("/", Scope.OPEN, call -> page),
        Route.get("/dashboard/:file", Scope.OPEN, this::part));
  }

  private Reply part(Call call) {
    String name = call.path("file");
    return Optional.ofNullable(parts.get(name))
        .orElseThrow(
            () -> Refused.notFound("the dashboard has no file " + name, "file", "unknown_file"));
  }

  private static Reply file(String name, String contentType) {
    try (InputStream in = Dashboard.class.getResourceAsStream("dashboard/" + name)) {
      byte[] bytes = Objects.requireNonNull(in).readAllBytes();
      return new Reply.Text(contentType, new String(bytes, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
