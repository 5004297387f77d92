package dev.turnstone.trainerbridge.json;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.Collectors;

/// Reads the fields of one JSON object and says in one sentence what is wrong with one.
///
/// A field that is `null` counts as absent. Every method throws [IllegalArgumentException] with
/// that sentence.
public final class Fields {
  private static final int SHOWN = 120;

  private final String path;
  private final ObjectNode node;

  private Fields(String path, ObjectNode node) {
    this.path = path;
    this.node = node;
  }

  /// Takes a value that must be an object.
  ///
  /// @param path how sentences name the object; empty for a whole body
  public static Fields of(String path, JsonNode value) {
    if (value instanceof ObjectNode object) return new Fields(path, object);
    throw wrong(path.isEmpty() ? "the body" : path, "an object", value);
  }

  public boolean has(String name) {
    return node.hasNonNull(name);
  }

  public String text(String name) {
    return optionalText(name).orElseThrow(() -> missing(name));
  }

  public Optional<String> optionalText(String name) {
    if (!has(name)) return Optional.empty();
    if (!node.get(name).isTextual()) throw wrong(named(name), "a string", node.get(name));
    return Optional.of(node.get(name).textValue());
  }

  public long integer(String name) {
    return optionalInteger(name).orElseThrow(() -> missing(name));
  }

  public OptionalLong optionalInteger(String name) {
    if (!has(name)) return OptionalLong.empty();
    JsonNode value = node.get(name);
    if (!value.isIntegralNumber() || !value.canConvertToLong())
      throw wrong(named(name), "an integer", value);
    return OptionalLong.of(value.longValue());
  }

  public OptionalInt optionalInt(String name) {
    OptionalLong value = optionalInteger(name);
    if (value.isEmpty()) return OptionalInt.empty();
    if (value.getAsLong() != (int) value.getAsLong())
      throw wrong(named(name), "a 32-bit integer", node.get(name));
    return OptionalInt.of((int) value.getAsLong());
  }

  public int integer(String name, int otherwise) {
    return optionalInt(name).orElse(otherwise);
  }

  public double number(String name, double otherwise) {
    if (!has(name)) return otherwise;
    if (!node.get(name).isNumber()) throw wrong(named(name), "a number", node.get(name));
    return node.get(name).doubleValue();
  }

  public boolean flag(String name, boolean otherwise) {
    if (!has(name)) return otherwise;
    if (!node.get(name).isBoolean()) throw wrong(named(name), "true or false", node.get(name));
    return node.get(name).booleanValue();
  }

  public Optional<Fields> object(String name) {
    return has(name) ? Optional.of(of(named(name), node.get(name))) : Optional.empty();
  }

  public List<JsonNode> list(String name) {
    if (!has(name)) throw missing(name);
    if (!node.get(name).isArray()) throw wrong(named(name), "a list", node.get(name));
    List<JsonNode> items = new ArrayList<>();
    node.get(name).forEach(items::add);
    return items;
  }

  /// A constant of an enum by its lower-case name.
  public <E extends Enum<E>> Optional<E> choice(String name, Class<E> type) {
    return optionalText(name)
        .map(text ->
            Arrays.stream(type.getEnumConstants())
                .filter(constant -> wire(constant).equals(text))
                .findFirst()
                .orElseThrow(() -> wrong(named(name), choices(type), node.get(name))));
  }

  public List<String> names() {
    List<String> names = new ArrayList<>();
    node.fieldNames().forEachRemaining(names::add);
    return names;
  }

  public JsonNode tree() {
    return node;
  }

  public static String wire(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  private static <E extends Enum<E>> String choices(Class<E> type) {
    return Arrays.stream(type.getEnumConstants())
        .map(Fields::wire)
        .collect(Collectors.joining(", ", "one of ", ""));
  }

  private String named(String name) {
    return path.isEmpty() ? name : path + "." + name;
  }

  private IllegalArgumentException missing(String name) {
    return new IllegalArgumentException(named(name) + " is missing");
  }

  private static IllegalArgumentException wrong(String name, String kind, JsonNode value) {
    String shown = value.toString();
    if (shown.length() > SHOWN) shown = shown.substring(0, SHOWN) + "…";
    return new IllegalArgumentException(name + " is not " + kind + ": " + shown);
  }
}
