package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/// A body that is no run request, with all its errors in the shape that FastAPI gives them.
final class BadRequest extends Exception {
  private static final long serialVersionUID = 1;
  private static final int ECHOED_CHARS = 200;
  private static final int MAX_ERRORS = 100;

  private final transient ArrayNode errors = JsonNodeFactory.instance.arrayNode();

  /// One error in one field.
  static BadRequest of(String field, String message) {
    BadRequest request = new BadRequest();
    request.add("value_error", List.of(field), message, MissingNode.getInstance());
    return request;
  }

  /// @param where field names from the body inwards
  /// @param input the offending value, echoed if it is short
  void add(String type, List<String> where, String message, JsonNode input) {
    if (errors.size() == MAX_ERRORS) return;
    ObjectNode error = errors.addObject().put("type", type);
    ArrayNode location = error.putArray("loc").add("body");
    where.forEach(location::add);
    error.put("msg", message);
    if (input.isValueNode() && input.asText().length() <= ECHOED_CHARS) error.set("input", input);
  }

  /// All errors in one line for people.
  String sentence() {
    List<String> sentences = new ArrayList<>();
    errors.forEach(
        e -> sentences.add(e.get("loc").path(1).asText() + ": " + e.get("msg").asText()));
    return String.join("; ", sentences);
  }

  boolean isEmpty() {
    return errors.isEmpty();
  }

  /// `{"detail":[{"type","loc":["body",…],"msg","input"},…]}`
  ObjectNode json() {
    return JsonNodeFactory.instance.objectNode().set("detail", errors);
  }

  @Override
  public String getMessage() {
    return errors.toString();
  }
}
