package dev.turnstone.engine.grammar;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// JSON strings with a length, a pattern or a format.
final class StringText {
  private static final String DATE =
      "(\\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)"
          + "|02-(0[1-9]|1\\d|2[0-8]))"
          + "|(\\d\\d(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29)";
  private static final String TIME =
      "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)";
  private static final String BYTE = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
  private static final String LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";

  /// The most usual ways of writing each; not every one that its standard allows.
  private static final Map<String, String> FORMATS =
      Map.of(
          "date", DATE,
          "time", TIME,
          "date-time", DATE + "T" + TIME,
          "uuid", "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
          "ipv4", BYTE + "(\\." + BYTE + "){3}",
          "hostname", LABEL + "(\\." + LABEL + "){0,3}",
          "email", "[A-Za-z0-9_+-]+(\\.[A-Za-z0-9_+-]+)*@" + LABEL + "(\\." + LABEL + "){1,3}",
          "uri",
              "https?://" + LABEL + "(\\." + LABEL + "){0,3}(:[1-9]\\d{0,3})?(/[A-Za-z0-9._~-]*)*");

  private StringText() {}

  static Part of(JsonNode schema, String path) {
    int min = SchemaWords.count(schema, "minLength", 0, path);
    int max = SchemaWords.count(schema, "maxLength", Integer.MAX_VALUE, path);
    SchemaWords.ordered(path, "minLength", min, "maxLength", max);
    boolean bounded = min > 0 || max < Integer.MAX_VALUE;
    boolean shaped = schema.has("pattern") || schema.has("format");
    if (!shaped)
      return bounded
          ? JsonText.quoted(Part.repeated(JsonText.CHARACTER, min, max))
          : JsonText.STRING;
    List<Part> all = new ArrayList<>();
    if (schema.has("pattern")) all.add(pattern(schema.path("pattern").asText()));
    if (schema.has("format")) all.add(format(schema.path("format").asText(), path));
    if (bounded)
      all.add(JsonText.quoted(Part.repeated(JsonText.written(CodePoints.ALL), min, max)));
    return all.stream().reduce(Product::both).orElseThrow();
  }

  /// Strings with a match in them, written without escapes that are not needed.
  static Part pattern(String pattern) {
    return JsonText.quoted(Regex.within(pattern, JsonText::written));
  }

  private static Part format(String name, String path) {
    String pattern = FORMATS.get(name);
    if (pattern == null)
      throw SchemaWords.refused(path, "has the format " + name + ", which is not supported");
    return JsonText.quoted(Regex.whole(pattern, JsonText::written));
  }
}
