package dev.turnstone.server.runs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.rollout.Json;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.log.EnvironmentTable;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// `/v1/environments`: what clients register is stored, so that it is there after a restart.
public final class EnvironmentsApi {
  private static final Logger log = LoggerFactory.getLogger(EnvironmentsApi.class);

  private final Environments environments;
  private final EnvironmentTable table;
  private final Function<String, Optional<String>> user;

  /// Endpoints over a registry and its storage.
  ///
  /// @param user name of an unfinished run that uses an environment
  public EnvironmentsApi(
      Environments environments, EnvironmentTable table, Function<String, Optional<String>> user) {
    this.environments = environments;
    this.table = table;
    this.user = user;
  }

  public List<Route> routes() {
    return List.of(
        Route.get("/v1/environments", Scope.ADMIN, call -> list()),
        Route.post("/v1/environments", Scope.ADMIN, "Environment", this::register),
        Route.get("/v1/environments/:environment", Scope.ADMIN, this::get),
        Route.delete("/v1/environments/:environment", Scope.ADMIN, this::delete));
  }

  /// Registers what earlier processes stored. What the server's configuration no longer allows is
  /// left out, unless an unfinished run needs it: that would lose the run's groups.
  public void restore() {
    table.all().forEach(this::restore);
  }

  private void restore(String name, Json stored) {
    try {
      environments.register(EnvironmentSpec.parse(stored.text()));
    } catch (InvalidEnvironment e) {
      user.apply(name)
          .ifPresent(run -> {
            throw new StartupError(
                "environment %s of the unfinished run %s cannot be used: %s"
                    .formatted(name, run, e.getMessage()));
          });
      log.warn("the stored environment {} is left out: {}", name, e.getMessage());
    }
  }

  private Reply list() {
    ObjectNode reply = Wire.JSON.createObjectNode();
    environments.list().forEach(spec -> reply.withArray("environments").add(spec.toJson()));
    return Reply.ok(reply);
  }

  private Reply register(Call call) {
    try {
      EnvironmentSpec spec = EnvironmentSpec.parse(call.body());
      synchronized (this) {
        boolean fresh = environments.register(spec);
        if (fresh) store(spec);
        return new Reply.Json(fresh ? 201 : 200, spec.toJson());
      }
    } catch (InvalidEnvironment e) {
      throw Refused.bad(String.valueOf(e.getMessage()));
    }
  }

  /// Another server may have registered the name a moment ago: the first one counts, unless this
  /// server cannot use it.
  private void store(EnvironmentSpec spec) throws InvalidEnvironment {
    String name = spec.environment();
    Json body = new Json(Wire.text(spec.toJson()));
    Json stored = inserted(name, body);
    if (stored.equals(body)) return;
    environments.remove(name);
    boolean theirs;
    try {
      theirs = environments.register(EnvironmentSpec.parse(stored.text()));
    } catch (InvalidEnvironment e) {
      theirs = false;
    }
    if (theirs) throw Refused.bad("environment %s is registered with another body".formatted(name));
    table.put(name, body);
    environments.register(spec);
  }

  /// What the log has under a name then. An environment that it could not take is not registered.
  private Json inserted(String name, Json body) {
    boolean written = false;
    try {
      Json stored = table.insert(name, body);
      written = true;
      return stored;
    } finally {
      if (!written) environments.remove(name);
    }
  }

  private Reply get(Call call) {
    return Reply.ok(find(call.path("environment")).toJson());
  }

  private Reply delete(Call call) {
    String name = find(call.path("environment")).environment();
    synchronized (this) {
      user.apply(name)
          .ifPresent(run -> {
            throw Refused.bad("environment %s is in use by run %s".formatted(name, run));
          });
      table.delete(name);
      environments.remove(name);
    }
    return new Reply.Empty();
  }

  private EnvironmentSpec find(String name) {
    return environments
        .find(name)
        .orElseThrow(() ->
            Refused.notFound(
                "environment %s is not registered".formatted(name),
                "environment",
                "unknown_environment"));
  }
}
