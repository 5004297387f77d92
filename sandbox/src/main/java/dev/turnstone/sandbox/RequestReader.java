package dev.turnstone.sandbox;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/// Reads the body of `POST /run_code` and collects everything that is wrong with it.
///
/// As SandboxFusion does, it ignores unknown fields and takes numbers that are written as strings.
final class RequestReader {
  private static final JsonMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder().maxStringLength(Limits.BODY).build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private static final double DEFAULT_SECONDS = Limits.RUN_TIMEOUT.toMillis() / 1e3;

  private final JsonNode body;
  private final BadRequest errors = new BadRequest();

  private RequestReader(JsonNode body) {
    this.body = body;
  }

  static RunRequest read(byte[] body) throws BadRequest {
    RequestReader reader = new RequestReader(parse(body));
    RunRequest request = reader.request();
    if (!reader.errors.isEmpty()) throw reader.errors;
    return request;
  }

  private static JsonNode parse(byte[] body) throws BadRequest {
    BadRequest errors = new BadRequest();
    try {
      JsonNode json = JSON.readTree(body);
      if (json.isObject()) return json;
      if (json.isMissingNode()) errors.add("missing", List.of(), "Field required", json);
      else errors.add("model_attributes_type", List.of(), "Input should be an object", json);
    } catch (JsonProcessingException e) {
      String why = "JSON decode error: " + e.getOriginalMessage();
      errors.add("json_invalid", List.of(), why, MissingNode.getInstance());
    } catch (IOException e) {
      throw new IllegalStateException("reading from memory failed", e);
    }
    throw errors;
  }

  private RunRequest request() {
    number("compile_timeout", DEFAULT_SECONDS); // checked, not needed
    return new RunRequest(
        language(),
        text("code", true),
        text("stdin", false),
        runTimeout(),
        memoryMb(),
        files(),
        fetchFiles());
  }

  private Language language() {
    JsonNode value = body.path("language");
    Optional<Language> language = Language.of(value.asText());
    if (value.isMissingNode()) missing("language");
    else if (!value.isTextual() || language.isEmpty())
      error("literal_error", "language", "Input should be " + supported(), value);
    return language.orElse(Language.PYTHON);
  }

  private static String supported() {
    return Arrays.stream(Language.values())
        .map(language -> "'" + language.label + "'")
        .collect(Collectors.joining(" or "));
  }

  private String text(String field, boolean required) {
    JsonNode value = body.path(field);
    if (value.isMissingNode() && required) missing(field);
    else if (!value.isMissingNode() && !value.isTextual() && (required || !value.isNull()))
      error("string_type", field, "Input should be a valid string", value);
    return value.isTextual() ? value.textValue() : "";
  }

  private Duration runTimeout() {
    double seconds = number("run_timeout", DEFAULT_SECONDS);
    long most = Limits.MAX_RUN_TIMEOUT.toSeconds();
    if (!(seconds > 0 && seconds <= most)) {
      String range = "Input should be more than 0 and at most " + most + " seconds";
      error("value_error", "run_timeout", range, body.path("run_timeout"));
      return Limits.RUN_TIMEOUT;
    }
    return Duration.ofNanos((long) (seconds * 1e9));
  }

  private int memoryMb() {
    double megabytes = number("memory_limit_MB", -1);
    JsonNode value = body.path("memory_limit_MB");
    if (megabytes != Math.rint(megabytes))
      error("int_from_float", "memory_limit_MB", "Input should be a valid integer", value);
    if (megabytes > Limits.MAX_MEMORY_MB)
      error(
          "value_error",
          "memory_limit_MB",
          "Input should be at most " + Limits.MAX_MEMORY_MB + " MiB, or -1 for the default",
          value);
    return megabytes > 0 ? (int) megabytes : Limits.MEMORY_MB;
  }

  private double number(String field, double fallback) {
    JsonNode value = body.path(field);
    if (value.isMissingNode()) return fallback;
    if (value.isNumber()) return value.doubleValue();
    if (value.isTextual() && value.textValue().length() < 100) {
      try {
        return new BigDecimal(value.textValue().strip()).doubleValue();
      } catch (NumberFormatException e) {
        // Reported below like any other value that is no number.
      }
    }
    error("float_parsing", field, "Input should be a valid number", value);
    return fallback;
  }

  private Map<String, byte[]> files() {
    JsonNode value = body.path("files");
    if (value.isMissingNode()) return Map.of();
    if (!value.isObject()) {
      error("dict_type", "files", "Input should be a valid dictionary", value);
      return Map.of();
    }
    if (value.size() > Limits.FILES)
      error("too_long", "files", "More than " + Limits.FILES + " files", MissingNode.getInstance());
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> file : value.properties()) {
      boolean skipped = file.getValue().isNull() || file.getKey().contains("IGNORE_THIS_FILE");
      if (!skipped) file(file.getKey(), file.getValue(), files);
    }
    return files;
  }

  private void file(String path, JsonNode content, Map<String, byte[]> files) {
    List<String> where = List.of("files", path);
    if (!isConfined(path)) {
      String rule = "Path should lead to a file below /workspace, /tmp or /mnt: " + path;
      errors.add("value_error", where, rule, MissingNode.getInstance());
    } else if (!content.isTextual()) {
      errors.add("string_type", where, "Input should be a valid string", content);
    } else {
      try {
        files.put(path, Base64.getMimeDecoder().decode(content.textValue()));
      } catch (IllegalArgumentException e) {
        errors.add("value_error", where, "Input should be base64: " + e.getMessage(), content);
      }
    }
  }

  /// Whether a path, taken from `/workspace`, stays where a jail can be written. By its text alone:
  /// jails hold no links of others' making.
  private static boolean isConfined(String path) {
    if (path.indexOf('\0') >= 0 || path.length() > Limits.PATH_CHARS) return false;
    ArrayDeque<String> folders = new ArrayDeque<>();
    if (!path.startsWith("/")) folders.add("workspace");
    for (String name : path.split("/", -1)) {
      if (name.equals("..")) folders.pollLast();
      else if (!name.isEmpty() && !name.equals(".")) folders.add(name);
    }
    return folders.size() > 1 && List.of("workspace", "tmp", "mnt").contains(folders.getFirst());
  }

  private List<String> fetchFiles() {
    JsonNode value = body.path("fetch_files");
    if (value.isMissingNode()) return List.of();
    if (!value.isArray()) {
      error("list_type", "fetch_files", "Input should be a valid list", value);
      return List.of();
    }
    if (value.size() > Limits.FILES)
      error(
          "too_long",
          "fetch_files",
          "More than " + Limits.FILES + " files",
          MissingNode.getInstance());
    List<String> paths = new ArrayList<>();
    for (JsonNode path : value) {
      if (path.isTextual() && path.textValue().length() <= Limits.PATH_CHARS)
        paths.add(path.textValue());
      else error("string_type", "fetch_files", "Input should be a valid path", path);
    }
    return paths;
  }

  private void missing(String field) {
    error("missing", field, "Field required", MissingNode.getInstance());
  }

  private void error(String type, String field, String message, JsonNode input) {
    errors.add(type, List.of(field), message, input);
  }
}
