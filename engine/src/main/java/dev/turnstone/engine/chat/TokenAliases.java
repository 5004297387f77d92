package dev.turnstone.engine.chat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;

/// Other names for some tokens of a `tokenizer.json`, which nobody can guess: under them a text
/// says which tokens it means, and their old names are text like any other.
///
/// A copy of the tokenizer with the new names encodes by the same rules, so what is no token's name
/// keeps its ids.
final class TokenAliases {
  private static final int RANDOM_BYTES = 12;

  /// Parts of the file that name tokens.
  private static final Set<String> NAMING = Set.of("added_tokens", "model");

  private final Map<String, String> aliases = new HashMap<>();

  TokenAliases(Collection<String> names) {
    byte[] random = new byte[RANDOM_BYTES];
    new SecureRandom().nextBytes(random);
    String secret = HexFormat.of().formatHex(random);
    // Private use at both ends, so that no normalizer changes it and no name is part of another.
    for (String name : names)
      aliases.put(name, "\uE0A0" + secret + "x" + aliases.size() + "\uE0A1");
  }

  String of(String name) {
    return aliases.getOrDefault(name, name);
  }

  /// The same `tokenizer.json` under the new names.
  String renamed(byte[] tokenizerJson) {
    StringWriter made = new StringWriter(tokenizerJson.length);
    JsonFactory json = new JsonFactory();
    try (JsonParser in = json.createParser(tokenizerJson);
        JsonGenerator out = json.createGenerator(made)) {
      String part = "";
      boolean names = false;
      for (JsonToken token = in.nextToken(); token != null; token = in.nextToken()) {
        if (token == JsonToken.FIELD_NAME && in.getParsingContext().getParent().inRoot()) {
          part = in.currentName();
          names = NAMING.contains(part);
        }
        if (token == JsonToken.FIELD_NAME && part.equals("model") && depth(in) == 2)
          names = !in.currentName().equals("merges");
        if (names && token == JsonToken.FIELD_NAME) out.writeFieldName(of(in.currentName()));
        else if (names && token == JsonToken.VALUE_STRING) out.writeString(of(in.getText()));
        else out.copyCurrentEvent(in);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("a tokenizer.json that was read before", e);
    }
    return made.toString();
  }

  private static int depth(JsonParser in) {
    int depth = 0;
    for (var at = in.getParsingContext(); !at.inRoot(); at = at.getParent()) depth++;
    return depth;
  }
}
