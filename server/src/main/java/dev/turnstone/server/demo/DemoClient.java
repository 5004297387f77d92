package dev.turnstone.server.demo;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okio.BufferedSource;

/// The demo's view of a server: what any client could do over HTTP, and nothing else.
final class DemoClient implements AutoCloseable {
  static final JsonMapper JSON = new JsonMapper();
  private static final MediaType BODY = MediaType.get("application/json");
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final String server;
  private final OkHttpClient http =
      new OkHttpClient.Builder().readTimeout(PATIENCE).callTimeout(PATIENCE).build();

  DemoClient(String server) {
    this.server = server;
  }

  String server() {
    return server;
  }

  /// Something that happened in a run.
  record Event(String name, JsonNode data) {}

  void registerEnvironment(ObjectNode environment) {
    post("/v1/environments", environment);
  }

  void deleteEnvironment(String name) {
    send(new Request.Builder().url(server + "/v1/environments/" + name).delete());
  }

  void createRun(ObjectNode run) {
    post("/v1/runs", run);
  }

  void cancelRun(String run) {
    send(new Request.Builder().url(server + "/v1/runs/" + run).delete());
  }

  /// Submits tasks, each to be rolled out as a group. What is known already stays as it is.
  void submit(String run, List<DemoTasks.Task> tasks) {
    ObjectNode body = JSON.createObjectNode();
    var groups = body.putArray("groups");
    for (DemoTasks.Task task : tasks) {
      ObjectNode node = groups.addObject().put("group", task.group()).putObject("task");
      node.putArray("messages").addObject().put("role", "user").put("content", task.question());
      node.putObject("data").put("answer", task.answer());
    }
    post("/v1/runs/" + run + "/groups", body);
  }

  /// A group's state with its finished rollouts; empty if the server does not know it.
  Optional<JsonNode> group(String run, String group) {
    return get("/v1/runs/" + run + "/groups/" + group);
  }

  /// A finished rollout's trajectory; empty if the server does not have it.
  Optional<JsonNode> rollout(String run, String group, int index) {
    return get("/v1/runs/%s/rollouts/%s/%d".formatted(run, group, index));
  }

  /// Hands every event of a run to `listener`, from now until the server ends the stream.
  ///
  /// @param ready called once the server listens to us
  void watch(String run, Runnable ready, Consumer<Event> listener) throws IOException {
    OkHttpClient patient =
        http.newBuilder().callTimeout(Duration.ZERO).readTimeout(Duration.ZERO).build();
    Request request = new Request.Builder().url(server + "/v1/runs/" + run + "/events").build();
    try (Response response = patient.newCall(request).execute()) {
      if (!response.isSuccessful())
        throw refused(request, response.code(), response.body().string());
      ready.run();
      BufferedSource lines = response.body().source();
      String name = "message";
      while (!lines.exhausted()) {
        String line = lines.readUtf8LineStrict();
        if (line.startsWith("event: ")) name = line.substring(7);
        if (line.startsWith("data: "))
          listener.accept(new Event(name, JSON.readTree(line.substring(6))));
      }
    }
  }

  private void post(String path, JsonNode body) {
    send(new Request.Builder().url(server + path).post(RequestBody.create(body.toString(), BODY)));
  }

  private Optional<JsonNode> get(String path) {
    Request request = new Request.Builder().url(server + path).build();
    try (Response response = http.newCall(request).execute()) {
      String text = response.body().string();
      if (response.code() == 404) return Optional.empty();
      if (!response.isSuccessful()) throw refused(request, response.code(), text);
      return Optional.of(JSON.readTree(text));
    } catch (IOException e) {
      throw unreachable(request, e);
    }
  }

  private void send(Request.Builder builder) {
    Request request = builder.build();
    try (Response response = http.newCall(request).execute()) {
      String text = response.body().string();
      if (!response.isSuccessful()) throw refused(request, response.code(), text);
    } catch (IOException e) {
      throw unreachable(request, e);
    }
  }

  private static DemoFailure refused(Request request, int status, String text) {
    String why = text;
    try {
      why = JSON.readTree(text).path("error").path("message").asText(text);
    } catch (JsonProcessingException e) {
      // Not of our server's making: shown as it is.
    }
    return new DemoFailure(
        "%s %s was answered %d: %s"
            .formatted(request.method(), request.url().encodedPath(), status, why));
  }

  private static DemoFailure unreachable(Request request, IOException e) {
    return new DemoFailure(
        "%s %s failed: %s".formatted(request.method(), request.url(), e.getMessage()));
  }

  @Override
  public void close() {
    http.dispatcher().cancelAll();
    http.connectionPool().evictAll();
    http.dispatcher().executorService().shutdown();
  }
}
