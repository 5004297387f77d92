package dev.turnstone.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import okhttp3.Headers;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/// A real server on a free port with a scripted policy, and a client of it.
public final class TestServer implements AutoCloseable {
  public static final OkHttpClient CLIENT =
      new OkHttpClient.Builder().readTimeout(Duration.ofSeconds(20)).build();

  public final ScriptedPolicy policy;
  final Server server;
  private Optional<String> key = Optional.empty();

  private TestServer(ScriptedPolicy policy, Server server) {
    this.policy = policy;
    this.server = server;
  }

  /// Starts with settings as the configuration file names them.
  public static TestServer start(Path data, String... settings) throws InterruptedException {
    TestServer server = listen(data, settings);
    try {
      server.serve();
      return server;
    } catch (StartupError e) {
      server.close();
      throw e;
    }
  }

  /// Listens without serving yet.
  static TestServer listen(Path data, String... settings) throws InterruptedException {
    ObjectNode said = Wire.JSON.createObjectNode();
    said.put("model", "scripted").put("port", 0).put("data", data.toString());
    for (String setting : settings) said.setAll((ObjectNode) Wire.read(utf8(setting)));
    return new TestServer(new ScriptedPolicy(200), Server.listen(Config.of(said)));
  }

  void serve() throws InterruptedException {
    Bytes bytes = new Bytes();
    server.serve(metrics ->
        new Served("scripted", policy, bytes, bytes, bytes, new PolicyIdentity("t", "c", 257)));
  }

  /// Starts with a real model's tokenizer, template and engine instead of the script.
  static TestServer with(Path model, Path data) throws InterruptedException {
    ObjectNode said = Wire.JSON.createObjectNode().put("model", model.toString());
    TestServer server = listen(data, Wire.text(said));
    Config config = Config.of(said.put("data", data.toString()));
    try {
      server.server.serve(metrics -> ServeCommand.load(config, metrics));
      return server;
    } catch (StartupError e) {
      server.close();
      throw e;
    }
  }

  public String url() {
    return server.url();
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  int port() {
    return server.port();
  }

  public static JsonNode json(String text) {
    return Wire.read(utf8(text));
  }

  /// A reply whose body was read.
  public record Answer(int status, Headers headers, String text) {
    public JsonNode json() {
      return Wire.read(utf8(text));
    }

    /// The error's sentence; fails if the body is not an error envelope.
    public String error() {
      JsonNode error = json().get("error");
      for (String key : List.of("message", "type", "param", "code"))
        if (!error.has(key)) throw new AssertionError("no " + key + " in " + text);
      return error.get("message").textValue();
    }

    /// The data of server-sent events.
    public List<String> events() {
      List<String> data = new ArrayList<>();
      for (String frame : text.split("\n\n", -1))
        if (!frame.isEmpty()) data.add(frame.replaceFirst("^data: ", ""));
      return data;
    }
  }

  /// Sends a key with every request from now on.
  public void authorize(String value) {
    key = Optional.of(value);
  }

  public Request.Builder to(String path) {
    Request.Builder request = new Request.Builder().url(server.url() + path);
    key.ifPresent(value -> request.header("Authorization", "Bearer " + value));
    return request;
  }

  public Answer get(String path) {
    return send(to(path).build());
  }

  public Answer post(String path, String body) {
    return send(to(path).post(RequestBody.create(body, MediaType.get("application/json"))).build());
  }

  public Answer chat(String body) {
    return post("/v1/chat/completions", body);
  }

  public Answer delete(String path) {
    return send(to(path).delete().build());
  }

  public static Answer send(Request request) {
    try (Response response = CLIENT.newCall(request).execute()) {
      return new Answer(response.code(), response.headers(), response.body().string());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    server.close();
  }
}
