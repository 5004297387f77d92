package dev.turnstone.sandbox;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.egress.AllowList;
import dev.turnstone.sandbox.jail.Limits;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Reads the bodies of `POST /run_code` and `/run_jupyter` and collects everything that is wrong
/// with them.
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

  /// A program of a known language whose toolchain is not here.
  static final class LanguageMissing extends Exception {
    private static final long serialVersionUID = 1;

    LanguageMissing(String message) {
      super(message);
    }
  }

  private final JsonNode body;
  private final Languages languages;
  private static final String NETWORK = "x-sandbox-network";

  private final AllowList ceiling;
  private final BadRequest errors = new BadRequest();

  private RequestReader(JsonNode body, Languages languages, AllowList ceiling) {
    this.body = body;
    this.languages = languages;
    this.ceiling = ceiling;
  }

  /// @param ceiling the hosts that the operator lets programs out to
  static RunRequest program(byte[] body, Languages languages, AllowList ceiling)
      throws BadRequest, LanguageMissing {
    RequestReader reader = new RequestReader(parse(body), languages, ceiling);
    RunRequest request = reader.request();
    if (!reader.errors.isEmpty()) throw reader.errors;
    String label = reader.body.path("language").asText();
    if (languages.language(label).isEmpty()) throw new LanguageMissing(languages.whyMissing(label));
    return request;
  }

  static JupyterRequest notebook(byte[] body, Languages languages, AllowList ceiling)
      throws BadRequest {
    RequestReader reader = new RequestReader(parse(body), languages, ceiling);
    JupyterRequest request = reader.cells();
    if (!reader.errors.isEmpty()) throw reader.errors;
    return request;
  }

  static JsonNode parse(byte[] body) throws BadRequest {
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
    return new RunRequest(
        language(),
        text("code", true),
        text("stdin", false),
        timeout("compile_timeout", DEFAULT_SECONDS),
        timeout("run_timeout", DEFAULT_SECONDS),
        memoryMb(Limits.MEMORY_MB),
        files(),
        fetchFiles(),
        network(body, ceiling, errors));
  }

  private JupyterRequest cells() {
    JsonNode kernel = body.path("kernel");
    if (!kernel.isMissingNode() && !kernel.asText().equals("python3"))
      error("literal_error", "kernel", "Input should be 'python3'", kernel);
    return new JupyterRequest(
        strings("cells", true, Limits.CELLS),
        number("cell_timeout", 0) > 0 ? timeout("cell_timeout", 0) : Duration.ZERO,
        timeout("total_timeout", JupyterRequest.TOTAL_SECONDS),
        memoryMb(Limits.SESSION_MEMORY_MB),
        files(),
        fetchFiles(),
        network(body, ceiling, errors));
  }

  private Language language() {
    JsonNode value = body.path("language");
    if (value.isMissingNode()) missing("language");
    else if (!value.isTextual() || !languages.knows(value.textValue()))
      error("literal_error", "language", "Input should be " + languages.names(), value);
    return languages.language(value.asText()).orElseGet(languages::python);
  }

  private String text(String field, boolean required) {
    JsonNode value = body.path(field);
    if (value.isMissingNode() && required) missing(field);
    else if (!value.isMissingNode() && !value.isTextual() && (required || !value.isNull()))
      error("string_type", field, "Input should be a valid string", value);
    return value.isTextual() ? value.textValue() : "";
  }

  private Duration timeout(String field, double fallback) {
    double seconds = number(field, fallback);
    long most = Limits.MAX_RUN_TIMEOUT.toSeconds();
    if (!(seconds > 0 && seconds <= most)) {
      String range = "Input should be more than 0 and at most " + most + " seconds";
      error("value_error", field, range, body.path(field));
      return Limits.RUN_TIMEOUT;
    }
    return Duration.ofNanos((long) (seconds * 1e9));
  }

  private int memoryMb(int fallback) {
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
    return megabytes > 0 ? (int) megabytes : fallback;
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

  /// The field `network`: hosts, none of them beyond the ceiling.
  static AllowList network(JsonNode body, AllowList ceiling, BadRequest errors) {
    JsonNode value = body.path("network");
    if (value.isMissingNode() || value.isNull()) return AllowList.NONE;
    List<String> entries = new ArrayList<>();
    value.forEach(entry -> entries.add(entry.asText()));
    try {
      if (!value.isArray() || value.size() > Limits.HOSTS)
        throw new IllegalArgumentException(
            "network should be a list of at most " + Limits.HOSTS + " hosts");
      AllowList list = AllowList.of(entries);
      Optional<String> beyond = ceiling.beyond(list);
      if (beyond.isEmpty()) return list;
      throw new IllegalArgumentException(
          "%s is no host that this sandbox was started with (--network)".formatted(beyond.get()));
    } catch (IllegalArgumentException e) {
      errors.add("value_error", List.of("network"), String.valueOf(e.getMessage()), value);
      return AllowList.NONE;
    }
  }

  /// What opens a session without a body of ours says the same in a header, `host, host:port, …`.
  static AllowList network(Call call, AllowList ceiling) throws BadRequest {
    String header = call.header(NETWORK).orElse("").strip();
    if (header.isEmpty()) return AllowList.NONE;
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    for (String entry : header.split(",", -1)) body.withArray("network").add(entry.strip());
    BadRequest errors = new BadRequest();
    AllowList list = network(body, ceiling, errors);
    if (errors.isEmpty()) return list;
    throw errors;
  }

  private Map<String, byte[]> files() {
    return files(body, errors);
  }

  /// The field `files`: base64 by path.
  static Map<String, byte[]> files(JsonNode body, BadRequest errors) {
    JsonNode value = body.path("files");
    if (value.isMissingNode()) return Map.of();
    if (!value.isObject()) {
      errors.add("dict_type", List.of("files"), "Input should be a valid dictionary", value);
      return Map.of();
    }
    if (value.size() > Limits.FILES)
      errors.add(
          "too_long",
          List.of("files"),
          "More than " + Limits.FILES + " files",
          MissingNode.getInstance());
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> file : value.properties()) {
      boolean skipped = file.getValue().isNull() || file.getKey().contains("IGNORE_THIS_FILE");
      if (!skipped) file(file.getKey(), file.getValue(), files, errors);
    }
    return files;
  }

  private static void file(
      String path, JsonNode content, Map<String, byte[]> files, BadRequest errors) {
    List<String> where = List.of("files", path);
    if (!isConfined(path)) {
      String rule = "Path should lead to a file below /workspace, /tmp or /mnt: " + path;
      errors.add("value_error", where, rule, MissingNode.getInstance());
    } else if (!content.isTextual()) {
      errors.add("string_type", where, "Input should be a valid string", content);
    } else {
      try {
        files.put(path, decoded(content.textValue()));
      } catch (IllegalArgumentException e) {
        errors.add("value_error", where, "Input should be base64: " + e.getMessage(), content);
      }
    }
  }

  /// Of one line, or broken into lines.
  private static byte[] decoded(String base64) {
    try {
      return Base64.getDecoder().decode(base64);
    } catch (IllegalArgumentException e) {
      return Base64.getDecoder().decode(base64.replaceAll("\\s+", ""));
    }
  }

  /// Whether a path, taken from `/workspace`, stays where a jail can be written. By its text alone:
  /// jails hold no links of others' making.
  static boolean isConfined(String path) {
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
    List<String> paths = strings("fetch_files", false, Limits.FILES);
    for (String path : paths)
      if (path.length() > Limits.PATH_CHARS)
        error("string_too_long", "fetch_files", "Path is too long", MissingNode.getInstance());
    return paths;
  }

  private List<String> strings(String field, boolean required, int most) {
    JsonNode value = body.path(field);
    if (value.isMissingNode() && required) missing(field);
    if (value.isMissingNode()) return List.of();
    if (!value.isArray()) {
      error("list_type", field, "Input should be a valid list", value);
      return List.of();
    }
    if (value.size() > most)
      error("too_long", field, "More than " + most + " items", MissingNode.getInstance());
    List<String> strings = new ArrayList<>();
    for (JsonNode item : value) {
      if (item.isTextual()) strings.add(item.textValue());
      else error("string_type", field, "Input should be a valid string", item);
    }
    return strings;
  }

  private void missing(String field) {
    error("missing", field, "Field required", MissingNode.getInstance());
  }

  private void error(String type, String field, String message, JsonNode input) {
    errors.add(type, List.of(field), message, input);
  }
}
