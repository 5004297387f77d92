package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.turnstone.sandbox.egress.AllowList;
import dev.turnstone.sandbox.jail.Limits;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Reads the bodies of session requests and collects everything that is wrong with them. Unknown
/// fields are ignored.
final class SessionReader {
  static final Duration TIMEOUT = Duration.ofSeconds(30);

  private final JsonNode body;
  private final BadRequest errors = new BadRequest();

  private SessionReader(JsonNode body) {
    this.body = body;
  }

  static SessionReader of(byte[] body) throws BadRequest {
    return new SessionReader(
        RequestReader.parse(body.length == 0 ? "{}".getBytes(StandardCharsets.UTF_8) : body));
  }

  static SessionReader of(JsonNode body) {
    return new SessionReader(body);
  }

  private <T> T done(T value) throws BadRequest {
    if (errors.isEmpty()) return value;
    throw errors;
  }

  SessionOptions options(SandboxConfig config) throws BadRequest {
    SessionOptions defaults = SessionOptions.defaults(config.queueWait());
    Duration ttl = seconds("ttl_s", defaults.ttl(), SessionOptions.MAX_TTL);
    Duration idle = seconds("idle_s", defaults.idle(), SessionOptions.MAX_TTL);
    JsonNode memory = body.path("memory_limit_MB");
    int memoryMb = defaults.memoryMb();
    if (memory.isIntegralNumber() && memory.asLong() != -1) {
      memoryMb = memory.asLong() > Limits.MAX_MEMORY_MB ? -1 : memory.asInt();
      if (memoryMb < 16)
        error("memory_limit_MB", "Input should be from 16 to " + Limits.MAX_MEMORY_MB, memory);
    } else if (!memory.isMissingNode() && !memory.isNull() && memory.asLong() != -1) {
      error("memory_limit_MB", "Input should be a valid integer", memory);
    }
    return done(
        new SessionOptions(
            ttl, idle, memoryMb, environment(), network(config), config.queueWait()));
  }

  private AllowList network(SandboxConfig config) {
    return RequestReader.network(body, config.network(), errors);
  }

  Map<String, byte[]> files() throws BadRequest {
    return done(RequestReader.files(body, errors));
  }

  /// `{"command": "text for bash" | ["program", …], "timeout_s", "cwd", "env", "stdin"}`
  Session.Command command() throws BadRequest {
    JsonNode command = body.path("command");
    List<String> argv = new ArrayList<>();
    if (command.isTextual()) {
      argv.addAll(List.of("/usr/bin/bash", "-c", command.textValue()));
    } else if (command.isArray() && !command.isEmpty()) {
      for (JsonNode word : command)
        if (word.isTextual()) argv.add(word.textValue());
        else error("command", "Input should be a list of strings", word);
    } else {
      error("command", "Input should be a string for bash, or a list of strings", command);
    }
    for (String word : argv)
      if (word.indexOf('\0') >= 0) error("command", "Input should not contain NUL", command);
    return done(
        new Session.Command(
            argv,
            text("stdin", ""),
            timeout("timeout_s"),
            text("cwd", "/workspace"),
            environment()));
  }

  /// SWE-ReX's: `{"command": "text" | ["program", …], "shell", "timeout", "cwd", "env"}`.
  Session.Command execute() throws BadRequest {
    JsonNode command = body.path("command");
    List<String> argv = new ArrayList<>();
    if (command.isTextual() && body.path("shell").asBoolean())
      argv.addAll(List.of("/usr/bin/bash", "-c", command.textValue()));
    else if (command.isTextual()) argv.add(command.textValue());
    else argv.addAll(strings("command"));
    if (argv.isEmpty()) error("command", "Input should be a string or a list of strings", command);
    for (String word : argv)
      if (!noNul(word)) error("command", "Input should not contain NUL", command);
    Duration timeout = seconds("timeout", Limits.MAX_RUN_TIMEOUT, Limits.MAX_RUN_TIMEOUT);
    return done(new Session.Command(argv, "", timeout, text("cwd", "/workspace"), environment()));
  }

  List<String> strings(String field) {
    JsonNode value = body.path(field);
    List<String> strings = new ArrayList<>();
    if (!value.isMissingNode() && !value.isArray())
      error(field, "Input should be a list of strings", value);
    for (JsonNode item : value)
      if (item.isTextual()) strings.add(item.textValue());
      else error(field, "Input should be a list of strings", item);
    return strings;
  }

  Map<String, String> environment() {
    Map<String, String> environment = new LinkedHashMap<>();
    JsonNode env = body.path("env");
    if (!env.isMissingNode() && !env.isNull() && !env.isObject())
      error("env", "Input should be a valid dictionary", env);
    for (Map.Entry<String, JsonNode> variable : env.properties()) {
      String name = variable.getKey();
      boolean valid = !name.isEmpty() && name.indexOf('=') < 0 && name.indexOf('\0') < 0;
      if (valid && variable.getValue().isTextual() && noNul(variable.getValue().textValue()))
        environment.put(name, variable.getValue().textValue());
      else error("env", "Input should map names to strings: " + name, variable.getValue());
    }
    return environment;
  }

  private static boolean noNul(String text) {
    return text.indexOf('\0') < 0;
  }

  Duration timeout(String field) {
    return seconds(field, TIMEOUT, Limits.MAX_RUN_TIMEOUT);
  }

  Duration seconds(String field, Duration fallback, Duration most) {
    JsonNode value = body.path(field);
    if (value.isMissingNode() || value.isNull()) return fallback;
    double seconds = value.isNumber() ? value.doubleValue() : -1;
    if (seconds > 0 && seconds <= most.toSeconds()) return Duration.ofNanos((long) (seconds * 1e9));
    error(field, "Input should be more than 0 and at most " + most.toSeconds() + " seconds", value);
    return fallback;
  }

  /// A field that must be there.
  String text(String field) {
    JsonNode value = body.path(field);
    if (value.isTextual()) return value.textValue();
    error(
        field, value.isMissingNode() ? "Field required" : "Input should be a valid string", value);
    return "";
  }

  String text(String field, String fallback) {
    JsonNode value = body.path(field);
    if (value.isMissingNode() || value.isNull()) return fallback;
    return text(field);
  }

  boolean flag(String field) {
    return body.path(field).asBoolean();
  }

  /// Throws what was found wrong so far.
  void check() throws BadRequest {
    if (!errors.isEmpty()) throw errors;
  }

  private void error(String field, String message, JsonNode input) {
    errors.add(
        "value_error", List.of(field), message, input == null ? MissingNode.getInstance() : input);
  }
}
