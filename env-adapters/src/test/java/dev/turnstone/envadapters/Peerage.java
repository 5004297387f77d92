package dev.turnstone.envadapters;

import com.github.tomakehurst.wiremock.WireMockServer;
import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import dev.turnstone.envadapters.peer.Peers;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.envadapters.tools.CommandJail;
import dev.turnstone.envadapters.tools.Host;
import dev.turnstone.envadapters.tools.TokenCount;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Observation.Result;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.ToolCall;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import okhttp3.Dns;

/// A peer to talk to and a registry that may talk to it. Pauses between attempts are recorded, not
/// taken.
final class Peerage implements AutoCloseable {
  static final Duration AMPLE = Duration.ofSeconds(30);
  static final String TOKEN = "s3cret-token-value";

  final WireMockServer http =
      new WireMockServer(WireMockConfiguration.options().dynamicPort().bindAddress("127.0.0.1"));
  final List<Duration> pauses = Collections.synchronizedList(new ArrayList<>());
  final Environments environments;

  Peerage() {
    http.start();
    ToolAddressPolicy addresses = ToolAddressPolicy.of(List.of("127.0.0.1"));
    Map<String, String> variables = Map.of("MY_TOKEN", TOKEN);
    Function<String, Optional<String>> secrets = name -> Optional.ofNullable(variables.get(name));
    environments =
        new Environments(
            addresses,
            secrets,
            new Host(
                new Peers(addresses, Dns.SYSTEM, secrets, pauses::add, System::nanoTime),
                TokenCount.ESTIMATE,
                CommandJail.NONE));
  }

  /// Registers an environment `e` whose body's `URL` is this peer's, and opens a session of it.
  Environment.Session open(String tools, String rewards, String data, Duration deadline)
      throws EnvironmentLost, InterruptedException {
    String body =
        "{\"environment\":\"e\",\"tools\":[%s],\"rewards\":[%s]}"
            .formatted(tools, rewards)
            .replace('\'', '"')
            .replace("URL", http.baseUrl());
    environments.remove("e");
    environments.register(EnvironmentSpec.parse(body));
    return environments.lookup("e").orElseThrow().open(task(data), 1, deadline);
  }

  Environment.Session open(String tool) throws EnvironmentLost, InterruptedException {
    return open(tool, "", "{}", AMPLE);
  }

  /// Calls one tool with one call.
  Result call(String tool, String name, String arguments)
      throws EnvironmentLost, InterruptedException {
    try (Environment.Session session = open(tool)) {
      return session.step(List.of(toolCall("c-0", name, arguments))).results().getFirst();
    }
  }

  static ToolCall toolCall(String id, String name, String arguments) {
    return new ToolCall(id, name, new Json(arguments.replace('\'', '"')));
  }

  static Task task(String data) {
    return new Task(
        "g-1", List.of(new Message.User("2+2?")), "e", new Json(data.replace('\'', '"')));
  }

  static List<Message> answered(String text) {
    return List.of(new Message.User("2+2?"), new Message.Assistant(text, List.of()));
  }

  @Override
  public void close() {
    environments.close();
    http.stop();
  }
}
