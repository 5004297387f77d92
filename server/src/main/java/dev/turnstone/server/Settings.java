package dev.turnstone.server;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.http.Wire;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/// Reads one object of the configuration and remembers which names it asked for, so that what
/// nobody asked for is an error.
final class Settings {
  private static final YAMLMapper YAML =
      YAMLMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private final JsonNode node;
  private final String prefix;
  private final TreeSet<String> known = new TreeSet<>();

  /// The settings of `node`.
  ///
  /// @param prefix of names in sentences
  Settings(JsonNode node, String prefix) {
    this.node = node;
    this.prefix = prefix;
    if (!node.isObject())
      throw new StartupError(prefix.replaceFirst("\\.$", "") + " must hold names and values");
  }

  /// The settings in a YAML file.
  static ObjectNode read(Path file) {
    try {
      JsonNode node = YAML.readTree(Files.readString(file));
      if (node.isMissingNode() || node.isNull()) return Wire.JSON.createObjectNode();
      if (node instanceof ObjectNode settings) return settings;
      throw new StartupError("configuration file %s must hold names and values".formatted(file));
    } catch (JsonProcessingException e) {
      String why = e.getOriginalMessage().lines().findFirst().orElse("");
      throw new StartupError("configuration file %s is not YAML: %s".formatted(file, why));
    } catch (IOException e) {
      throw new StartupError("configuration file %s cannot be read".formatted(file));
    }
  }

  String text(String name, String otherwise) {
    JsonNode value = value(name);
    if (value.isMissingNode()) return otherwise;
    if (!value.isTextual()) throw wrong(name, "text", value);
    return value.textValue();
  }

  int integer(String name, int otherwise, int least, int most) {
    JsonNode value = value(name);
    if (value.isMissingNode()) return otherwise;
    if (!value.isInt() || value.intValue() < least || value.intValue() > most)
      throw wrong(name, "an integer from %d to %d".formatted(least, most), value);
    return value.intValue();
  }

  /// `true` or `false`, or the words `yes` and `no`, which YAML's older version means by them.
  boolean flag(String name, boolean otherwise) {
    JsonNode value = value(name);
    if (value.isMissingNode()) return otherwise;
    if (value.isBoolean()) return value.booleanValue();
    return switch (value.asText().toLowerCase(Locale.ROOT)) {
      case "yes" -> true;
      case "no" -> false;
      default -> throw wrong(name, "true or false", value);
    };
  }

  /// An integer above 0, or empty: no bound.
  OptionalInt bound(String name) {
    int most = integer(name, 0, 1, Integer.MAX_VALUE);
    return most == 0 ? OptionalInt.empty() : OptionalInt.of(most);
  }

  Duration seconds(String name, double otherwise) {
    JsonNode value = value(name);
    if (!value.isMissingNode() && !(value.isNumber() && value.doubleValue() > 0))
      throw wrong(name, "a number of seconds above 0", value);
    return Duration.ofMillis((long) (1000 * value.asDouble(otherwise)));
  }

  /// The object under a name; empty if there is none.
  JsonNode node(String name) {
    JsonNode value = value(name);
    return value.isMissingNode() ? Wire.JSON.createObjectNode() : value;
  }

  <E extends Enum<E>> E word(String name, E otherwise, Class<E> type) {
    String word = text(name, otherwise.name());
    for (E value : type.getEnumConstants()) if (value.name().equalsIgnoreCase(word)) return value;
    String all =
        Stream.of(type.getEnumConstants())
            .map(value -> value.name().toLowerCase(Locale.ROOT))
            .collect(Collectors.joining(", "));
    throw new StartupError("%s%s must be one of %s, but is %s".formatted(prefix, name, all, word));
  }

  List<String> texts(String name) {
    return each(
        name,
        element -> {
          if (!element.isTextual()) throw wrong(name, "a list of texts", element);
          return element.textValue();
        });
  }

  <T> List<T> each(String name, Function<JsonNode, T> read) {
    JsonNode value = value(name);
    if (!value.isMissingNode() && !value.isArray()) throw wrong(name, "a list", value);
    List<T> all = new ArrayList<>();
    value.forEach(element -> all.add(read.apply(element)));
    return all;
  }

  /// Refuses names that nobody asked for.
  void checkAllKnown() {
    StreamSupport.stream(((Iterable<String>) node::fieldNames).spliterator(), false)
        .filter(name -> !known.contains(name))
        .findFirst()
        .ifPresent(name -> {
          throw new StartupError(
              "unknown setting %s%s: did you mean %s%s?"
                  .formatted(prefix, name, prefix, nearest(name)));
        });
  }

  private JsonNode value(String name) {
    known.add(name);
    return node.path(name);
  }

  private StartupError wrong(String name, String expected, JsonNode value) {
    return new StartupError(
        "%s%s must be %s, but is %s".formatted(prefix, name, expected, Wire.text(value)));
  }

  private String nearest(String name) {
    return known.stream().min(Comparator.comparingInt(k -> distance(k, name))).orElse("");
  }

  /// Levenshtein's: how many letters to put in, take out or change.
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) row[j] = j;
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(change, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
