package dev.turnstone.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.dialect.Dialect;
import com.networknt.schema.dialect.Dialects;
import com.networknt.schema.keyword.NonValidationKeyword;
import com.networknt.schema.path.NodePath;
import com.networknt.schema.path.PathType;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/// `turnstone.yaml`: request bodies are checked against its schemas, named as in the document.
public final class Contract {
  private static final Set<String> OF_TYPES = Set.of("type", "anyOf", "oneOf");
  private static final int SHOWN = 80;
  private static final String UNSUPPORTED = "x-unsupported";

  /// Marks lists of ids, which may be long: their reader checks each id, not the schema.
  private static final String IDS = "x-ids";

  private final String document;
  private final JsonNode components;
  private final SchemaRegistry registry;
  private final Map<String, Schema> schemas = new ConcurrentHashMap<>();

  private Contract(String document, JsonNode components) {
    this.document = document;
    this.components = components;
    leaveIds(components);
    // `components` holds the schemas and `x-unsupported` is ours: nothing to warn of.
    Dialect dialect =
        Dialect.builder(Dialects.getDraft202012())
            .keyword(new NonValidationKeyword("components"))
            .keyword(new NonValidationKeyword(UNSUPPORTED))
            .keyword(new NonValidationKeyword(IDS))
            .build();
    SchemaRegistryConfig config =
        SchemaRegistryConfig.builder().pathType(PathType.JSON_PATH).build();
    this.registry =
        SchemaRegistry.withDefaultDialect(dialect, builder -> builder.schemaRegistryConfig(config));
  }

  private static void leaveIds(JsonNode schema) {
    if (schema instanceof ObjectNode object && object.has(IDS)) object.remove("items");
    schema.forEach(Contract::leaveIds);
  }

  public static Contract load() {
    try (InputStream in = Contract.class.getResourceAsStream("/turnstone.yaml")) {
      String document =
          new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
      return new Contract(document, new YAMLMapper().readTree(document).get("components"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The document itself.
  public String document() {
    return document;
  }

  /// Refuses a body that does not fit, naming the field that fits least.
  void check(String schema, JsonNode body) {
    List<Error> errors = schemas.computeIfAbsent(schema, this::compile).validate(body);
    if (errors.isEmpty()) return;
    // Of alternatives, the one that got furthest into the body is the one that was meant.
    Error error =
        errors.stream()
            .max(Comparator.comparingInt(e -> e.getInstanceLocation().getNameCount()))
            .orElseThrow();
    List<Error> same =
        errors.stream()
            .filter(e -> e.getInstanceLocation().equals(error.getInstanceLocation()))
            .toList();
    // And one whose type fits says more than that the type of another does not.
    List<Error> meant = same.stream().filter(e -> !OF_TYPES.contains(e.getKeyword())).toList();
    if (!meant.isEmpty()) same = meant;
    String param = field(error.getInstanceLocation());
    throw param.isEmpty()
        ? Refused.bad(sentence("the body", same))
        : Refused.bad(sentence(param, same), param);
  }

  /// Where in the body, such as `messages[0].role`. Names may be anything, also empty.
  private static String field(NodePath path) {
    StringBuilder field = new StringBuilder();
    for (int i = 0; i < path.getNameCount(); i++)
      switch (path.getElement(i)) {
        case Integer index -> field.append('[').append(index).append(']');
        case Object name -> field.append(i == 0 ? "" : ".").append(name);
      }
    return field.toString();
  }

  private Schema compile(String name) {
    ObjectNode root = Wire.JSON.createObjectNode();
    root.put("$ref", "#/components/schemas/" + name);
    root.set("components", components);
    return registry.getSchema(root);
  }

  private String sentence(String where, List<Error> errors) {
    Error error = errors.getFirst();
    return switch (error.getKeyword()) {
      case "required" -> where + " lacks " + error.getProperty();
      case "type" ->
          "%s must be %s, but is %s"
              .formatted(where, types(errors), shown(error.getInstanceNode()));
      case "enum" -> enumeration(where, error);
      default ->
          "%s %s, but is %s".formatted(where, error.getMessage(), shown(error.getInstanceNode()));
    };
  }

  private static String types(List<Error> errors) {
    return errors.stream()
        .filter(e -> e.getKeyword().equals("type"))
        .map(Error::getSchemaNode)
        .flatMap(type -> type.isArray() ? elements(type) : Stream.of(type))
        .map(JsonNode::asText)
        .distinct()
        .collect(Collectors.joining(" or "));
  }

  private static Stream<JsonNode> elements(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false);
  }

  private String enumeration(String where, Error error) {
    String allowed =
        elements(error.getSchemaNode()).map(Contract::shown).collect(Collectors.joining(", "));
    String pointer = error.getSchemaLocation().getFragment().toString();
    String parent = pointer.substring(0, pointer.lastIndexOf('/')).replaceFirst("^/components", "");
    JsonNode unsupported = components.at(parent).path(UNSUPPORTED);
    return unsupported.isMissingNode()
        ? "%s must be one of %s, but is %s"
            .formatted(where, allowed, shown(error.getInstanceNode()))
        : "%s asks for %s (%s), which is not supported yet: leave it out or send one of %s"
            .formatted(where, unsupported.asText(), shown(error.getInstanceNode()), allowed);
  }

  private static String shown(JsonNode node) {
    String text = Wire.text(node);
    return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "…";
  }
}
