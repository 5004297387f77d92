package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Json;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Wire;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What a text must be: OpenAI's `response_format`, vLLM's `structured_outputs`, and the `guided_*`
/// fields that came before it.
public final class ConstraintFields {
  private static final String OLD = "guided_";
  private static final Constraint ANY_OBJECT =
      new Constraint.Schema(new Json("{\"type\": \"object\"}"));

  private ConstraintFields() {}

  /// Reads fields that fit the contract.
  ///
  /// @throws Refused if several constraints are asked for at once
  public static Optional<Constraint> read(JsonNode body) {
    List<Constraint> all = new ArrayList<>();
    format(body.path("response_format")).ifPresent(all::add);
    for (String name : List.of("json", "regex", "choice")) {
      one(name, body.path("structured_outputs").path(name)).ifPresent(all::add);
      one(name, body.path(OLD + name)).ifPresent(all::add);
    }
    if (all.size() > 1)
      throw Refused.bad(
          "the text may have one constraint, but %d are asked for".formatted(all.size()),
          "response_format");
    return all.stream().findFirst();
  }

  private static Optional<Constraint> format(JsonNode format) {
    return switch (format.path("type").asText("")) {
      case "json_object" -> Optional.of(ANY_OBJECT);
      case "json_schema" -> Optional.of(schema(format));
      default -> Optional.empty();
    };
  }

  /// Chat nests the schema under `json_schema`, responses do not.
  private static Constraint schema(JsonNode format) {
    JsonNode holder = format.has("json_schema") ? format.get("json_schema") : format;
    JsonNode schema = holder.path("schema");
    if (!schema.isObject())
      throw Refused.bad(
          "response_format.json_schema.schema must be a JSON Schema", "response_format");
    return new Constraint.Schema(new Json(Wire.text(schema)));
  }

  private static Optional<Constraint> one(String name, JsonNode value) {
    if (value.isMissingNode() || value.isNull()) return Optional.empty();
    return Optional.of(
        switch (name) {
          case "json" ->
              new Constraint.Schema(
                  new Json(value.isTextual() ? value.textValue() : Wire.text(value)));
          case "regex" -> new Constraint.Regex(value.asText());
          default -> choice(value);
        });
  }

  private static Constraint choice(JsonNode texts) {
    List<Constraint> choices = new ArrayList<>();
    texts.forEach(text -> choices.add(new Constraint.Literal(text.asText())));
    if (choices.isEmpty()) throw Refused.bad("choice must have at least one text", "choice");
    return new Constraint.OneOf(choices);
  }
}
