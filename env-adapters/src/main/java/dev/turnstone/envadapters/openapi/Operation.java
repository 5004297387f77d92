package dev.turnstone.envadapters.openapi;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.tools.RequestShape;
import dev.turnstone.envadapters.tools.RequestShape.Body;
import dev.turnstone.rollout.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// One operation of an OpenAPI 3.0 or 3.1 document as a tool: its parameters and the fields of its
/// JSON body are the arguments.
///
/// @param name its `operationId`, or made of method and path
record Operation(String name, String description, Json parameters, RequestShape shape) {
  private static final List<String> METHODS = List.of("get", "post", "put", "patch", "delete");

  static List<Operation> all(JsonNode document) {
    if (!document.path("openapi").asText().startsWith("3."))
      throw new InvalidEnvironment(
          "document.openapi must begin with \"3.\", was " + document.path("openapi"));
    List<Operation> all = new ArrayList<>();
    SchemaRefs refs = new SchemaRefs(document);
    for (Map.Entry<String, JsonNode> path : document.path("paths").properties())
      for (String method : METHODS)
        if (path.getValue().path(method).isObject())
          all.add(of(method, path.getKey(), path.getValue(), refs));
    return all;
  }

  private static Operation of(String method, String path, JsonNode item, SchemaRefs refs) {
    JsonNode operation = item.path(method);
    String name =
        operation.path("operationId").asText(method + path).replaceAll("[^A-Za-z0-9_-]+", "_");
    name = name.substring(0, Math.min(64, name.length()));
    ObjectNode schema = JsonText.object().put("type", "object");
    ObjectNode properties = schema.putObject("properties");
    ArrayNode required = schema.putArray("required");
    List<String> inPath = new ArrayList<>();
    List<String> inQuery = new ArrayList<>();
    for (JsonNode list : List.of(item.path("parameters"), operation.path("parameters")))
      for (JsonNode reference : list) {
        JsonNode parameter = refs.resolve(reference);
        String in = parameter.path("in").asText();
        String of = parameter.path("name").asText();
        boolean needed = parameter.path("required").asBoolean();
        if (in.equals("path")) inPath.add(of);
        else if (in.equals("query")) inQuery.add(of);
        else if (!needed) continue;
        else throw unusable(name, "needs the %s parameter %s".formatted(in, of));
        properties.set(of, described(parameter));
        if (needed || in.equals("path")) required.add(of);
      }
    Body body = body(refs.resolve(operation.path("requestBody")), name, properties, required, refs);
    JsonNode whole = refs.local(schema);
    return new Operation(
        name,
        operation.path("description").asText(operation.path("summary").asText("")),
        new Json(whole.toString()),
        new RequestShape(
            method.toUpperCase(Locale.ROOT), path.replaceFirst("^/", ""), inPath, inQuery, body));
  }

  private static Body body(
      JsonNode requestBody,
      String name,
      ObjectNode properties,
      ArrayNode required,
      SchemaRefs refs) {
    if (!requestBody.isObject()) return Body.NONE;
    boolean needed = requestBody.path("required").asBoolean();
    JsonNode json = requestBody.path("content").path("application/json").path("schema");
    if (json.isMissingNode()) {
      if (needed) throw unusable(name, "takes a body that is not JSON");
      return Body.NONE;
    }
    JsonNode fields = refs.resolve(json);
    boolean plain =
        fields.path("properties").isObject() && !fields.has("allOf") && !fields.has("oneOf");
    for (Map.Entry<String, JsonNode> field : fields.path("properties").properties())
      plain &= !properties.has(field.getKey());
    if (!plain) {
      properties.set("body", json);
      if (needed) required.add("body");
      return Body.WHOLE;
    }
    fields.path("properties").properties().forEach(f -> properties.set(f.getKey(), f.getValue()));
    if (needed) fields.path("required").forEach(required::add);
    return Body.FIELDS;
  }

  private static JsonNode described(JsonNode parameter) {
    JsonNode schema = parameter.path("schema");
    ObjectNode described = schema.isObject() ? schema.deepCopy() : JsonText.object();
    if (parameter.has("description") && !described.has("$ref"))
      described.set("description", parameter.get("description"));
    return described;
  }

  private static InvalidEnvironment unusable(String name, String why) {
    return new InvalidEnvironment(
        "operation %s %s, which a tool cannot give; choose others with tools".formatted(name, why));
  }
}
