package dev.turnstone.engine;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;

/// The fields of one object in a `config.json`, each read as what it must be or refused in a
/// sentence.
///
/// @param file for sentences
record ConfigFields(Path file, JsonNode json) {

  JsonNode node(String name) {
    return json.path(name);
  }

  /// Whether there is a value, and not null.
  boolean has(String name) {
    return json.hasNonNull(name);
  }

  /// The fields of an object in it; those of an empty one if there is none.
  ConfigFields inner(String name) {
    return new ConfigFields(file, json.path(name));
  }

  int size(String name) throws ModelException {
    JsonNode node = json.path(name);
    if (!node.canConvertToInt() || node.asInt() < 1)
      throw new ModelException(
          "%s: %s is %s, not a positive number"
              .formatted(file, name, node.isMissingNode() ? "missing" : node));
    return node.asInt();
  }

  int size(String name, int otherwise) throws ModelException {
    return has(name) ? size(name) : otherwise;
  }

  double number(String name) throws ModelException {
    JsonNode node = json.path(name);
    if (!node.isNumber())
      throw new ModelException(
          "%s: %s is %s, not a number"
              .formatted(file, name, node.isMissingNode() ? "missing" : node));
    return node.asDouble();
  }

  double number(String name, double otherwise) throws ModelException {
    return has(name) ? number(name) : otherwise;
  }

  boolean flag(String name, boolean otherwise) {
    return json.path(name).asBoolean(otherwise);
  }

  ModelException refusal(String why) {
    return new ModelException(file + ": " + why);
  }
}
