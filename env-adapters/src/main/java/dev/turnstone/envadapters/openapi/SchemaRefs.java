package dev.turnstone.envadapters.openapi;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.envadapters.peer.JsonText;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.Set;

/// The references of an OpenAPI document, made such that a schema can stand alone.
final class SchemaRefs {
  private static final String SCHEMAS = "#/components/schemas/";
  private static final int MAX_HOPS = 16;

  private final JsonNode document;

  SchemaRefs(JsonNode document) {
    this.document = document;
  }

  /// What a reference stands for; anything else as it is.
  JsonNode resolve(JsonNode node) {
    JsonNode found = node;
    for (int hop = 0; hop < MAX_HOPS; hop++) {
      if (!found.path("$ref").isTextual()) return found;
      String ref = found.path("$ref").textValue();
      if (!ref.startsWith("#/"))
        throw new InvalidEnvironment("document.$ref must stay within it (#/…), was " + ref);
      found = document.at(ref.substring(1));
      if (found instanceof MissingNode)
        throw new InvalidEnvironment("document.$ref must name something in it, was " + ref);
    }
    throw new InvalidEnvironment("document.$ref goes in circles at " + node.path("$ref"));
  }

  /// A copy that has all it refers to in `$defs`, in the JSON Schema of today.
  JsonNode local(ObjectNode schema) {
    Set<String> taken = new LinkedHashSet<>();
    Deque<String> open = new ArrayDeque<>();
    ObjectNode whole = modern(schema, open);
    ObjectNode definitions = JsonText.object();
    while (!open.isEmpty()) {
      String name = open.remove();
      if (!taken.add(name)) continue;
      JsonNode found = document.path("components").path("schemas").path(name);
      if (!(found instanceof ObjectNode definition))
        throw new InvalidEnvironment(
            "document.$ref must name something in it, was " + SCHEMAS + name);
      definitions.set(name, modern(definition, open));
    }
    if (!definitions.isEmpty()) whole.set("$defs", definitions);
    return whole;
  }

  private static ObjectNode modern(ObjectNode schema, Deque<String> open) {
    ObjectNode copy = schema.deepCopy();
    rewrite(copy, open);
    return copy;
  }

  private static void rewrite(JsonNode node, Deque<String> open) {
    if (node instanceof ObjectNode object) {
      if (object.path("$ref").isTextual()) {
        String ref = object.path("$ref").textValue();
        if (!ref.startsWith(SCHEMAS))
          throw new InvalidEnvironment(
              "document.$ref within a schema must begin with %s, was %s".formatted(SCHEMAS, ref));
        String name = ref.substring(SCHEMAS.length());
        open.add(name);
        object.put("$ref", "#/$defs/" + name);
      }
      bound(object, "exclusiveMinimum", "minimum");
      bound(object, "exclusiveMaximum", "maximum");
      if (object.path("nullable").isBoolean()) nullable(object);
    }
    for (JsonNode child : node) rewrite(child, open);
  }

  /// In OpenAPI 3.0 these are flags beside the bound.
  private static void bound(ObjectNode object, String exclusive, String inclusive) {
    if (!object.path(exclusive).isBoolean()) return;
    boolean excluded = object.remove(exclusive).booleanValue();
    if (excluded && object.has(inclusive)) object.set(exclusive, object.remove(inclusive));
  }

  private static void nullable(ObjectNode object) {
    boolean nullable = object.remove("nullable").booleanValue();
    if (nullable && object.path("type").isTextual()) {
      String type = object.path("type").textValue();
      object.putArray("type").add(type).add("null");
    }
  }
}
