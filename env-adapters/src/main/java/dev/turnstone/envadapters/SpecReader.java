package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.RewardEntry.Normalize;
import dev.turnstone.envadapters.ToolEntry.Method;
import dev.turnstone.envadapters.ToolEntry.OnTimeout;
import dev.turnstone.rollout.Json;
import java.time.Duration;
import java.util.regex.Pattern;

/// Reads the JSON of a registration. Bounds and defaults of every field are here and nowhere else.
final class SpecReader {
  private static final Pattern ENVIRONMENT = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-]{1,64}");
  private static final int MAX_TOOLS = 128;
  private static final int MAX_REWARDS = 32;

  private SpecReader() {}

  static EnvironmentSpec environment(JsonNode body) {
    Fields fields = Fields.of(body, "");
    return new EnvironmentSpec(
        fields.text("environment", ENVIRONMENT),
        fields.list("tools", MAX_TOOLS, SpecReader::tool),
        fields.list("rewards", MAX_REWARDS, SpecReader::reward));
  }

  private static ToolEntry tool(Fields fields) {
    return switch (fields.text("kind")) {
      case "sandbox" -> sandbox(fields);
      case "http" -> http(fields);
      default -> throw fields.bad("kind", "must be sandbox or http");
    };
  }

  private static ToolEntry sandbox(Fields fields) {
    return new ToolEntry.Sandbox(
        fields.text("name", NAME),
        fields.text("description"),
        EndpointReader.read(fields, Duration.ofSeconds(10)),
        maxOutputChars(fields),
        fields.text("language", "python"),
        fields.text("argument", "code"),
        fields.integer("memory_limit_mb", 512, 1, 65_536));
  }

  private static ToolEntry http(Fields fields) {
    return new ToolEntry.Http(
        fields.text("name", NAME),
        fields.text("description"),
        EndpointReader.read(fields, Duration.ofSeconds(10)),
        maxOutputChars(fields),
        fields.word("method", Method.POST, Method::name),
        parameters(fields),
        fields.flag("idempotent", false),
        fields.word("on_timeout", OnTimeout.ENVIRONMENT_LOST, OnTimeout::wire));
  }

  private static int maxOutputChars(Fields fields) {
    return fields.integer("max_output_chars", 4000, 1, 1_000_000);
  }

  private static Json parameters(Fields fields) {
    JsonNode schema = fields.node("parameters").orElseGet(SpecReader::noParameters);
    ArgumentSchema.compile(schema, fields.path("parameters"));
    return new Json(schema.toString());
  }

  private static ObjectNode noParameters() {
    ObjectNode schema = JsonText.object().put("type", "object");
    schema.putObject("properties");
    return schema;
  }

  private static RewardEntry reward(Fields fields) {
    String kind = fields.text("kind");
    String name = fields.node("name").isPresent() ? fields.text("name", NAME) : kind;
    double weight = fields.number("weight", 1, -1e6, 1e6);
    return switch (kind) {
      case "exact_match" ->
          new RewardEntry.ExactMatch(
              name,
              weight,
              fields.text("field", "answer"),
              fields.word("normalize", Normalize.STRIP, Normalize::wire));
      case "numeric" ->
          new RewardEntry.Numeric(
              name,
              weight,
              fields.text("field", "answer"),
              fields.number("abs_tolerance", 1e-6, 0, 1e300),
              fields.number("rel_tolerance", 0, 0, 1));
      case "http" ->
          new RewardEntry.Http(
              name,
              weight,
              EndpointReader.read(fields, Duration.ofSeconds(30)),
              fields.flag("idempotent", true));
      default -> throw fields.bad("kind", "must be exact_match, numeric or http");
    };
  }
}
