package dev.turnstone.engine.grammar;

import com.fasterxml.jackson.databind.JsonNode;
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
    if (shaped && bounded)
      throw SchemaWords.refused(
          path, "has a length beside a pattern or format, which is not supported");
    if (schema.has("pattern") && schema.has("format"))
      throw SchemaWords.refused(path, "has a pattern beside a format, which is not supported");
    if (schema.has("pattern"))
      return JsonText.quoted(Regex.within(schema.path("pattern").asText(), JsonText::written));
    if (schema.has("format")) return format(schema.path("format").asText(), path);
    return bounded ? JsonText.quoted(Part.repeated(JsonText.CHARACTER, min, max)) : JsonText.STRING;
  }

  private static Part format(String name, String path) {
    String pattern = FORMATS.get(name);
    if (pattern == null)
      throw SchemaWords.refused(path, "has the format " + name + ", which is not supported");
    return JsonText.quoted(Regex.whole(pattern, JsonText::written));
  }
}
