package dev.turnstone.engine.chat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/// The tokens of a `tokenizer.json` and the bytes that each stands for.
final class Vocabulary {
  private static final byte[] NO_BYTES = {};

  // Each name in a vocabulary is met once: a table of names seen only costs time.
  private static final ObjectMapper JSON =
      new ObjectMapper(
          JsonFactory.builder().disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES).build());

  private static final int[] BYTE_OF_LETTER = byteOfLetter();

  private final Map<String, Integer> ids;
  private final byte[][] bytes;
  private final Set<Integer> added;
  private final Set<Integer> special;
  private final boolean dropsLeadingSpace;
  private final JsonNode settings;

  private Vocabulary(
      Map<String, Integer> ids,
      byte[][] bytes,
      Set<Integer> added,
      Set<Integer> special,
      boolean dropsLeadingSpace,
      JsonNode settings) {
    this.ids = ids;
    this.settings = settings;
    this.bytes = bytes;
    this.added = added;
    this.special = special;
    this.dropsLeadingSpace = dropsLeadingSpace;
  }

  static Vocabulary parse(byte[] tokenizerJson) throws IOException {
    Map<String, Integer> ids = new HashMap<>();
    ObjectNode settings = JSON.createObjectNode();
    try (JsonParser json = JSON.createParser(tokenizerJson)) {
      if (json.nextToken() == JsonToken.START_OBJECT)
        for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
          json.nextToken();
          if (name.equals("model")) model(json, ids, settings.putObject(name));
          else settings.set(name, json.readValueAsTree());
        }
    }
    return of(ids, settings);
  }

  /// Reads `vocab` and passes over what is as large: the merges.
  private static void model(JsonParser json, Map<String, Integer> ids, ObjectNode settings)
      throws IOException {
    if (!json.isExpectedStartObjectToken()) return;
    for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
      json.nextToken();
      if (name.equals("vocab")) tokens(json, ids);
      else if (name.equals("merges")) json.skipChildren();
      else settings.set(name, json.readValueAsTree());
    }
  }

  /// Token → id, of BPE's object or of Unigram's list of pairs.
  private static void tokens(JsonParser json, Map<String, Integer> ids) throws IOException {
    if (json.isExpectedStartArrayToken())
      while (json.nextToken() != JsonToken.END_ARRAY) {
        JsonNode piece = json.readValueAsTree();
        ids.putIfAbsent(piece.path(0).textValue(), ids.size());
      }
    else if (json.isExpectedStartObjectToken())
      for (String token = json.nextFieldName(); token != null; token = json.nextFieldName()) {
        json.nextToken();
        ids.put(token, json.getIntValue());
      }
  }

  private static Vocabulary of(Map<String, Integer> ids, JsonNode settings) {
    JsonNode decoder = settings.path("decoder");
    if (ids.isEmpty()) throw new IllegalArgumentException("tokenizer.json has no model.vocab");
    Map<Integer, String> added = new HashMap<>();
    Set<Integer> special = new HashSet<>();
    for (JsonNode token : settings.path("added_tokens")) {
      int id = token.path("id").intValue();
      added.put(id, token.path("content").textValue());
      if (token.path("special").booleanValue()) special.add(id);
    }
    added.forEach((id, content) -> ids.put(content, id));
    List<JsonNode> decoders = decoders(decoder);
    boolean byteLevel = decoders.stream().anyMatch(d -> isType(d, "ByteLevel"));
    boolean fallback =
        decoders.stream().anyMatch(d -> isType(d, "ByteFallback") || isType(d, "Metaspace"));
    if (!byteLevel && !fallback)
      throw new IllegalArgumentException(
          "tokenizer.json has the decoder "
              + decoder.path("type")
              + "; only byte-level and byte-fallback tokenizers have exact bytes");
    byte[][] bytes = new byte[ids.values().stream().mapToInt(id -> id).max().orElseThrow() + 1][];
    java.util.Arrays.fill(bytes, NO_BYTES);
    ids.forEach((token, id) ->
        bytes[id] =
            added.containsKey(id)
                ? utf8(token)
                : byteLevel ? fromLetters(token) : fromPieces(token));
    return new Vocabulary(
        Collections.unmodifiableMap(ids),
        bytes,
        Set.copyOf(added.keySet()),
        Set.copyOf(special),
        decoders.stream().anyMatch(Vocabulary::dropsSpace),
        settings);
  }

  private static List<JsonNode> decoders(JsonNode decoder) {
    if (!isType(decoder, "Sequence")) return List.of(decoder);
    List<JsonNode> parts = new ArrayList<>();
    decoder.path("decoders").forEach(parts::add);
    return parts;
  }

  private static boolean isType(JsonNode decoder, String type) {
    return type.equals(decoder.path("type").textValue());
  }

  private static boolean dropsSpace(JsonNode decoder) {
    if (isType(decoder, "Strip")) return decoder.path("start").intValue() > 0;
    return isType(decoder, "Metaspace")
        && !"never".equals(decoder.path("prepend_scheme").textValue());
  }

  private static byte[] utf8(String token) {
    return token.getBytes(StandardCharsets.UTF_8);
  }

  /// A byte-level token: each letter stands for a byte. A letter that does not is itself.
  private static byte[] fromLetters(String token) {
    byte[] made = new byte[token.length()];
    for (int i = 0; i < token.length(); i++) {
      char letter = token.charAt(i);
      if (letter >= BYTE_OF_LETTER.length || BYTE_OF_LETTER[letter] < 0) return utf8(token);
      made[i] = (byte) BYTE_OF_LETTER[letter];
    }
    return made;
  }

  /// A sentence piece: `<0x0A>` is a byte, `▁` a space.
  private static byte[] fromPieces(String token) {
    if (token.matches("<0x[0-9A-F]{2}>"))
      return new byte[] {(byte) Integer.parseInt(token, 3, 5, 16)};
    return utf8(token.replace('\u2581', ' '));
  }

  /// GPT-2's alphabet: printable bytes are themselves, the others are moved up from U+0100 on.
  private static int[] byteOfLetter() {
    int[] byteOf = new int[0x144];
    java.util.Arrays.fill(byteOf, -1);
    int next = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
      byteOf[printable ? b : next++] = b;
    }
    return byteOf;
  }

  /// All of `tokenizer.json` but its tokens and merges.
  JsonNode settings() {
    return settings;
  }

  int size() {
    return bytes.length;
  }

  /// The bytes of a token, which must not be changed.
  byte[] bytes(int id) {
    return id >= 0 && id < bytes.length ? bytes[id] : NO_BYTES;
  }

  OptionalInt id(String token) {
    Integer id = ids.get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  OptionalInt added(String token) {
    return id(token).stream().filter(added::contains).findFirst();
  }

  /// Names of the tokens that were added to the model's own, such as `<|im_end|>`.
  Set<String> added() {
    Set<String> names = new HashSet<>();
    ids.forEach((name, id) -> {
      if (added.contains(id)) names.add(name);
    });
    return names;
  }

  boolean isSpecial(int id) {
    return special.contains(id);
  }

  boolean dropsLeadingSpace() {
    return dropsLeadingSpace;
  }
}
