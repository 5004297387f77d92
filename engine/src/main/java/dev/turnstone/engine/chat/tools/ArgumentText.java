package dev.turnstone.engine.chat.tools;

import dev.turnstone.rollout.Json;
import java.util.LinkedHashMap;
import java.util.Map;

/// Arguments that a policy did not write as JSON, made into the JSON that Python's `json.dumps`
/// writes: a space after each comma and colon, letters beyond ASCII as they are.
final class ArgumentText {
  private final Map<String, String> values = new LinkedHashMap<>();

  /// @param json the value as JSON
  void put(String name, String json) throws Unreadable {
    if (values.putIfAbsent(name, json) != null)
      throw new Unreadable("argument " + name + " is given twice");
  }

  Json json() {
    return new Json(open() + "}");
  }

  /// All but the bracket that closes it.
  String open() {
    StringBuilder out = new StringBuilder("{");
    values.forEach((name, value) -> {
      if (out.length() > 1) out.append(", ");
      out.append(quote(name)).append(": ").append(value);
    });
    return out.toString();
  }

  static String quote(String text) {
    StringBuilder out = new StringBuilder(text.length() + 2).append('"');
    for (int i = 0; i < text.length(); i++) {
      char letter = text.charAt(i);
      switch (letter) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (letter < ' ') out.append("\\u%04x".formatted((int) letter));
          else out.append(letter);
        }
      }
    }
    return out.append('"').toString();
  }
}
