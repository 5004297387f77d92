package dev.turnstone.envadapters.openenv;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.CheckedSockets;
import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.Peer;
import dev.turnstone.envadapters.peer.Reply;
import dev.turnstone.envadapters.peer.RequestHeaders;
import dev.turnstone.envadapters.tools.Host;
import dev.turnstone.envadapters.tools.OpenTools;
import dev.turnstone.envadapters.tools.Throttle;
import dev.turnstone.envadapters.tools.ToolEntry;
import dev.turnstone.envadapters.tools.ToolSource;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import okhttp3.HttpUrl;
import okhttp3.Request;

/// An OpenEnv server: one WebSocket is one episode. (Its `/reset` and `/step` over HTTP make a new
/// environment for each request, so they cannot carry one.)
///
/// A server without a free place is asked again, with growing pauses, for as long as the rollout
/// has time.
///
/// Source: OpenEnv 0.10, `env_server/http_server.py`.
public final class OpenEnvSource implements ToolSource {
  private static final int SCHEMA_ATTEMPTS = 3;
  private static final Duration FIRST_PAUSE = Duration.ofMillis(250);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(8);

  private final ToolEntry.OpenEnv entry;
  private final Host host;
  private final Throttle throttle;

  public OpenEnvSource(ToolEntry.OpenEnv entry, Host host) {
    this.entry = entry;
    this.host = host;
    this.throttle = host.throttle(entry.rules());
  }

  @Override
  public OpenTools open(Opening opening) throws EnvironmentLost, InterruptedException {
    Duration pause = FIRST_PAUSE;
    while (true) {
      EnvSocket socket = connect();
      boolean open = false;
      try {
        JsonNode first = socket.ask(reset(opening), limit(opening.deadline()));
        if (!EpisodeJson.full(first)) {
          OpenTools episode = episode(socket, first, opening);
          open = true;
          return episode;
        }
      } catch (EnvSocket.Gone e) {
        throw lost(String.valueOf(e.getMessage()));
      } finally {
        if (!open) socket.close();
      }
      Duration wait =
          Duration.ofMillis(
              ThreadLocalRandom.current().nextLong(pause.toMillis() / 2, pause.toMillis() + 1));
      if (wait.compareTo(opening.deadline().remaining()) >= 0)
        throw lost(
            "has no free place; raise its max_concurrent_envs, or run fewer rollouts at once");
      host.peers().pause().of(wait);
      pause =
          pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0
              ? pause.multipliedBy(2)
              : LONGEST_PAUSE;
    }
  }

  private OpenTools episode(EnvSocket socket, JsonNode first, Opening opening)
      throws EnvironmentLost, InterruptedException, EnvSocket.Gone {
    if (!EpisodeJson.isObservation(first))
      throw lost("answered a reset with " + EpisodeJson.error(first));
    JsonNode tools = socket.ask(EpisodeJson.listTools(), limit(opening.deadline()));
    OpenEnvEpisode.Parts parts = new OpenEnvEpisode.Parts(this, entry, host, throttle, socket);
    return EpisodeJson.tools(tools).isEmpty()
        ? OpenEnvEpisode.ofActions(parts, first, schema(opening))
        : OpenEnvEpisode.ofTools(parts, first, EpisodeJson.tools(tools));
  }

  private JsonNode reset(Opening opening) {
    ObjectNode question = JsonText.object().put("type", "reset");
    ObjectNode data = question.putObject("data");
    if (opening.data().path("reset") instanceof ObjectNode said) data.setAll(said);
    if (!data.has("seed")) data.put("seed", opening.seed() & Integer.MAX_VALUE);
    if (!data.has("episode_id")) data.put("episode_id", opening.session());
    return question;
  }

  /// What an action looks like, where the server has no tools.
  private JsonNode schema(Opening opening) throws EnvironmentLost, InterruptedException {
    Peer peer = host.peers().peer(entry.endpoint(), SCHEMA_ATTEMPTS);
    Reply reply =
        peer.send(
            Peer.Exchange.get("schema", opening.session()),
            entry.endpoint().timeout(),
            opening.deadline());
    if (!(reply instanceof Reply.Answered answer && answer.ok() && answer.whole()))
      throw peer.lost(reply);
    try {
      return JsonText.read(answer.body()).path("action");
    } catch (JsonText.Unreadable e) {
      throw peer.lost("answered /schema with no JSON: " + e.getMessage());
    }
  }

  private EnvSocket connect() throws EnvironmentLost {
    HttpUrl url = HttpUrl.get(entry.endpoint().url()).newBuilder().addPathSegment("ws").build();
    try {
      Request request =
          new Request.Builder()
              .url(url)
              .headers(host.peers().resolve(entry.endpoint().headers()).headers())
              .build();
      CheckedSockets sockets = host.peers().boundedSockets();
      return EnvSocket.open(host.peers().client(), request, sockets);
    } catch (RequestHeaders.Unresolved e) {
      throw lost(e.why());
    }
  }

  Deadline limit(Deadline rollout) {
    return Deadline.in(rollout.cap(entry.endpoint().timeout()), rollout.nanoTime());
  }

  EnvironmentLost lost(String what) {
    return new EnvironmentLost(
        HttpUrl.get(entry.endpoint().url()).newBuilder().query(null).build() + " " + what);
  }
}
