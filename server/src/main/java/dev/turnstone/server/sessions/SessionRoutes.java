package dev.turnstone.server.sessions;

import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import io.vertx.core.http.HttpMethod;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Lets routes that generate record what they answer: under `/sessions/{id}` always, and under
/// their own path if the key is an agent's, for agents that take a key and no more.
public final class SessionRoutes {
  private static final String UNDER = "/sessions/:session";

  private final Sessions sessions;
  private final AgentKeys keys;

  public SessionRoutes(Sessions sessions, AgentKeys keys) {
    this.sessions = sessions;
    this.keys = keys;
  }

  /// The routes and their twins that record; those that only look something up pass.
  public List<Route> recording(List<Route> routes) {
    List<Route> all = new ArrayList<>();
    for (Route route : routes) {
      if (!generates(route)) {
        all.addAll(passing(List.of(route)));
        continue;
      }
      Route.Endpoint plain = route.endpoint();
      all.add(route.answering(call -> byKey(route, plain, call)));
      all.add(
          route
              .at(UNDER + route.path())
              .answering(call -> recorded(route, plain, call, call.path("session"))));
    }
    return all;
  }

  private static boolean generates(Route route) {
    return route.method().equals(HttpMethod.POST)
        && !route.path().contains(":")
        && !route.path().endsWith("count_tokens");
  }

  /// The routes and their twins that record nothing, such as the list of models.
  public List<Route> passing(List<Route> others) {
    List<Route> all = new ArrayList<>();
    for (Route route : others) {
      Route.Endpoint plain = route.endpoint();
      all.add(route);
      all.add(
          route
              .at(UNDER + route.path())
              .answering(call -> {
                checkKey(call, call.path("session"));
                return plain.answer(call);
              }));
    }
    return all;
  }

  private Reply byKey(Route route, Route.Endpoint plain, Call call) throws InterruptedException {
    Optional<String> session = call.key().flatMap(keys::session);
    return session.isPresent() ? recorded(route, plain, call, session.get()) : plain.answer(call);
  }

  private Reply recorded(Route route, Route.Endpoint plain, Call call, String id)
      throws InterruptedException {
    checkKey(call, id);
    return sessions.find(id).calls().answer(plain, call, route.path());
  }

  /// An agent's key opens its own session and no other.
  private void checkKey(Call call, String id) {
    Optional<String> own = call.key().flatMap(keys::session);
    if (own.isPresent() && !own.get().equals(id))
      throw Refused.forbidden("the key opens another session", "scope");
  }
}
