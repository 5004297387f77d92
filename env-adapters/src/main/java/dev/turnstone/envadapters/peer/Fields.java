package dev.turnstone.envadapters.peer;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;

/// The fields of one JSON object, read with their path so that a bad one can be named. A field that
/// is null counts as absent; fields nobody reads are ignored.
public final class Fields {
  private static final int SHOWN_CHARS = 100;

  private final JsonNode object;
  private final String path;

  private Fields(JsonNode object, String path) {
    this.object = object;
    this.path = path;
  }

  public static Fields of(JsonNode node, String path) {
    if (!node.isObject())
      throw new InvalidEnvironment(
          "%s must be a JSON object, was %s"
              .formatted(path.isEmpty() ? "body" : path, shown(node)));
    return new Fields(node, path);
  }

  public String path(String field) {
    return path.isEmpty() ? field : path + "." + field;
  }

  public Optional<JsonNode> node(String field) {
    return Optional.ofNullable(object.get(field)).filter(node -> !node.isNull());
  }

  public String text(String field) {
    return node(field)
        .map(node -> asText(field, node))
        .orElseThrow(() -> new InvalidEnvironment(path(field) + " is missing"));
  }

  public String text(String field, String fallback) {
    return node(field).map(node -> asText(field, node)).orElse(fallback);
  }

  public String text(String field, Pattern form) {
    String text = text(field);
    if (!form.matcher(text).matches()) throw bad(field, "must match " + form.pattern());
    return text;
  }

  /// One of a closed set of words.
  public <E extends Enum<E>> E word(String field, E fallback, Function<E, String> wire) {
    String text = text(field, wire.apply(fallback));
    List<String> words = new ArrayList<>();
    for (E value : fallback.getDeclaringClass().getEnumConstants()) {
      if (wire.apply(value).equals(text)) return value;
      words.add(wire.apply(value));
    }
    throw bad(field, "must be one of " + String.join(", ", words));
  }

  public boolean flag(String field, boolean fallback) {
    return node(field)
        .map(node -> {
          if (!node.isBoolean()) throw bad(field, "must be true or false");
          return node.booleanValue();
        })
        .orElse(fallback);
  }

  public double number(String field, double fallback, double least, double most) {
    return node(field)
        .map(node -> {
          double value = node.isNumber() ? node.doubleValue() : Double.NaN;
          if (!(value >= least && value <= most))
            throw bad(field, "must be a number from %s to %s".formatted(plain(least), plain(most)));
          return value;
        })
        .orElse(fallback);
  }

  public int integer(String field, int fallback, int least, int most) {
    double value = number(field, fallback, least, most);
    if (value != Math.rint(value)) throw bad(field, "must be a whole number");
    return (int) value;
  }

  public Duration seconds(String field, Duration fallback) {
    double seconds = number(field, fallback.toMillis() / 1000.0, 0.001, 3600);
    return Duration.ofMillis(Math.round(seconds * 1000));
  }

  public <T> List<T> list(String field, int most, Function<Fields, T> read) {
    Optional<JsonNode> node = node(field);
    if (node.isEmpty()) return List.of();
    if (!node.get().isArray()) throw bad(field, "must be an array");
    if (node.get().size() > most)
      throw new InvalidEnvironment(
          "%s must have at most %d entries, has %d"
              .formatted(path(field), most, node.get().size()));
    List<T> values = new ArrayList<>();
    for (JsonNode item : node.get())
      values.add(read.apply(of(item, "%s[%d]".formatted(path(field), values.size()))));
    return List.copyOf(values);
  }

  /// The texts of an array field; empty if it is absent.
  public List<String> texts(String field, int most) {
    Optional<JsonNode> node = node(field);
    if (node.isEmpty()) return List.of();
    if (!node.get().isArray() || node.get().size() > most)
      throw bad(field, "must be an array of at most %d strings".formatted(most));
    List<String> texts = new ArrayList<>();
    for (JsonNode item : node.get()) {
      if (!item.isTextual() || item.textValue().isEmpty())
        throw bad(field, "must hold non-empty strings");
      texts.add(item.textValue());
    }
    return List.copyOf(texts);
  }

  /// The entries of an object field in their order; empty if it is absent.
  public Map<String, JsonNode> entries(String field) {
    Map<String, JsonNode> entries = new LinkedHashMap<>();
    node(field)
        .ifPresent(node -> {
          if (!node.isObject())
            throw new InvalidEnvironment(path(field) + " must be a JSON object");
          node.properties().forEach(entry -> entries.put(entry.getKey(), entry.getValue()));
        });
    return entries;
  }

  public InvalidEnvironment bad(String field, String requirement) {
    return new InvalidEnvironment(
        "%s %s, was %s"
            .formatted(path(field), requirement, node(field).map(Fields::shown).orElse("absent")));
  }

  private String asText(String field, JsonNode node) {
    if (!node.isTextual() || node.textValue().isEmpty())
      throw bad(field, "must be a non-empty string");
    return node.textValue();
  }

  private static String shown(JsonNode node) {
    String text = node.toString();
    return text.length() <= SHOWN_CHARS ? text : text.substring(0, SHOWN_CHARS) + "…";
  }

  private static String plain(double value) {
    return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
  }
}
