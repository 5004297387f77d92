package dev.turnstone.envadapters.tools;

import com.fasterxml.jackson.databind.JsonNode;
import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaException;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.SpecificationVersion;
import dev.turnstone.envadapters.peer.CountedText;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.rollout.Json;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// The compiled JSON Schema of a tool's arguments. Nothing is ever fetched for it, and what a
/// policy sends cannot make a check run away.
public final class ArgumentSchema {
  private static final String DIALECT = "https://json-schema.org/draft/2020-12/schema";
  private static final Pattern OFFICIAL = Pattern.compile("^https?://json-schema\\.org/");
  private static final int SHOWN_ERRORS = 3;

  /// The dialects that tools are described in, by their `$schema`; the older ones are what MCP
  /// servers say.
  private static final Map<String, Dialect> DIALECTS =
      Map.of(
          DIALECT,
          Dialect.of(SpecificationVersion.DRAFT_2020_12),
          "https://json-schema.org/draft/2019-09/schema",
          Dialect.of(SpecificationVersion.DRAFT_2019_09),
          "http://json-schema.org/draft-07/schema",
          Dialect.of(SpecificationVersion.DRAFT_7));

  /// A dialect's own schema and what compiles others of it.
  private record Dialect(SchemaRegistry registry, Schema meta) {
    static Dialect of(SpecificationVersion version) {
      SchemaRegistry registry =
          SchemaRegistry.withDefaultDialect(
              version,
              builder ->
                  builder
                      .schemaCacheEnabled(false)
                      .schemaLoader(
                          loader -> loader.allow(iri -> OFFICIAL.matcher(iri.toString()).find()))
                      .schemaRegistryConfig(
                          SchemaRegistryConfig.builder()
                              .locale(Locale.ENGLISH)
                              .regularExpressionFactory(CostBoundPattern::compile)
                              .build()));
      return new Dialect(registry, registry.getSchema(SchemaLocation.of(version.getDialectId())));
    }
  }

  private final Schema schema;

  private ArgumentSchema(Schema schema) {
    this.schema = schema;
  }

  /// Compiles a schema found at `path` of a registration.
  ///
  /// @throws InvalidEnvironment if it is not a schema of an object, or refers outside itself
  public static ArgumentSchema compile(JsonNode node, String path) {
    if (!node.isObject() || !node.path("type").asText().equals("object"))
      throw new InvalidEnvironment(
          "%s.type must be \"object\", was %s".formatted(path, node.path("type")));
    String said = node.path("$schema").asText(DIALECT).replaceFirst("#$", "");
    Dialect dialect = DIALECTS.get(said);
    if (dialect == null)
      throw new InvalidEnvironment(
          "%s.$schema must be \"%s\" or an older draft from 7 on, was %s"
              .formatted(path, DIALECT, node.path("$schema")));
    for (String keyword : List.of("$ref", "$dynamicRef"))
      for (JsonNode reference : node.findValues(keyword))
        if (reference.isTextual() && !reference.textValue().startsWith("#"))
          throw new InvalidEnvironment(
              "%s.%s must stay within the schema (#…), was %s".formatted(path, keyword, reference));
    try {
      List<Error> errors = dialect.meta().validate(node);
      if (!errors.isEmpty())
        throw new InvalidEnvironment(
            "%s is not a JSON Schema: %s".formatted(path, sentence(errors)));
      Schema schema = dialect.registry().getSchema(node);
      schema.initializeValidators();
      return new ArgumentSchema(schema);
    } catch (SchemaException e) {
      throw new InvalidEnvironment("%s is not a JSON Schema: %s".formatted(path, e.getMessage()));
    }
  }

  /// What the arguments of a call are worth.
  public Check check(Json arguments) {
    try {
      JsonNode node = JsonText.readArguments(arguments.text());
      List<Error> errors = schema.validate(node);
      return errors.isEmpty() ? new Check.Valid(node) : new Check.Invalid(sentence(errors));
    } catch (JsonText.Unreadable e) {
      return new Check.Invalid("not JSON: " + e.getMessage());
    } catch (CountedText.TooCostly | StackOverflowError e) {
      // Both come from what the policy wrote: a text that a pattern backtracks on, or deep nesting.
      return new Check.Invalid("too costly to check");
    }
  }

  public sealed interface Check {
    record Valid(JsonNode arguments) implements Check {}

    record Invalid(String why) implements Check {}
  }

  private static String sentence(List<Error> errors) {
    return errors.stream()
        .limit(SHOWN_ERRORS)
        .map(ArgumentSchema::sentence)
        .collect(Collectors.joining("; "));
  }

  private static String sentence(Error error) {
    String where = error.getInstanceLocation().toString();
    return where.isEmpty() ? error.getMessage() : where + ": " + error.getMessage();
  }
}
