package dev.turnstone.engine.chat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.engine.ModelException;
import dev.turnstone.rollout.Tokens;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/// A Hugging Face tokenizer: text to ids by the reference library, ids to exact bytes by its
/// vocabulary. Safe for all threads.
public final class Tokenizer implements AutoCloseable {
  private final HuggingFaceTokenizer encoder;
  private final byte[][] bytes;
  private final Map<String, Integer> added;
  private final Set<Integer> hidden;
  private final String sha256;

  private Tokenizer(
      HuggingFaceTokenizer encoder,
      byte[][] bytes,
      Map<String, Integer> added,
      Set<Integer> hidden,
      String sha256) {
    this.encoder = encoder;
    this.bytes = bytes;
    this.added = Map.copyOf(added);
    this.hidden = Set.copyOf(hidden);
    this.sha256 = sha256;
  }

  /// Loads `tokenizer.json` of a model folder.
  public static Tokenizer load(Path folder) throws ModelException {
    Path file = folder.resolve("tokenizer.json");
    if (!Files.isRegularFile(file)) throw new ModelException("no tokenizer.json in " + folder);
    System.setProperty("OPT_OUT_TRACKING", "true");
    try {
      byte[] content = Files.readAllBytes(file);
      JsonNode json = new ObjectMapper().readTree(content);
      JsonNode vocabulary = json.path("model").path("vocab");
      if (!vocabulary.isObject())
        throw new ModelException(file + ": a vocabulary that is no object is not supported");
      Map<String, Integer> added = new HashMap<>();
      Set<Integer> hidden = new HashSet<>();
      for (JsonNode token : json.path("added_tokens")) {
        added.put(token.path("content").asText(), token.path("id").asInt());
        if (token.path("special").asBoolean()) hidden.add(token.path("id").asInt());
      }
      return new Tokenizer(
          HuggingFaceTokenizer.newInstance(file, Map.of("truncation", "false", "padding", "false")),
          bytes(vocabulary, added, isByteLevel(json)),
          added,
          hidden,
          sha256(content));
    } catch (IOException e) {
      throw new ModelException(file + " is not readable: " + e.getMessage(), e);
    }
  }

  private static boolean isByteLevel(JsonNode json) {
    return json.path("decoder").toString().contains("\"ByteLevel\"");
  }

  private static byte[][] bytes(
      JsonNode vocabulary, Map<String, Integer> added, boolean byteLevel) {
    int size = 0;
    for (Map.Entry<String, JsonNode> entry : vocabulary.properties())
      size = Math.max(size, entry.getValue().asInt() + 1);
    for (int id : added.values()) size = Math.max(size, id + 1);
    byte[][] bytes = new byte[size][0];
    for (Map.Entry<String, JsonNode> entry : vocabulary.properties())
      bytes[entry.getValue().asInt()] =
          byteLevel ? ByteLevel.bytes(entry.getKey()) : fallback(entry.getKey());
    added.forEach((text, id) -> bytes[id] = text.getBytes(StandardCharsets.UTF_8));
    return bytes;
  }

  /// SentencePiece vocabularies write a space as U+2581 and single bytes as `<0x0A>`.
  private static byte[] fallback(String token) {
    if (token.matches("<0x[0-9A-F]{2}>"))
      return new byte[] {(byte) Integer.parseInt(token.substring(3, 5), 16)};
    return token.replace('\u2581', ' ').getBytes(StandardCharsets.UTF_8);
  }

  /// The ids of a text; the text of a special token becomes that token.
  public Tokens encode(String text) {
    long[] ids = encoder.encode(text, false, false).getIds();
    int[] narrow = new int[ids.length];
    for (int i = 0; i < ids.length; i++) narrow[i] = Math.toIntExact(ids[i]);
    return Tokens.of(narrow);
  }

  /// The text of ids without tokens such as `<|im_end|>`; bytes that are no UTF-8 become U+FFFD.
  public String decode(Tokens ids) {
    var joined = new ByteArrayOutputStream();
    for (int i = 0; i < ids.size(); i++)
      if (!hidden.contains(ids.get(i))) joined.writeBytes(bytes(ids.get(i)));
    return joined.toString(StandardCharsets.UTF_8);
  }

  /// The exact bytes that an id stands for; none for an id outside the vocabulary.
  public byte[] bytes(int id) {
    return id >= 0 && id < bytes.length ? bytes[id].clone() : new byte[0];
  }

  /// Whether an id has no place in text, such as `<|im_end|>`.
  public boolean isHidden(int id) {
    return hidden.contains(id);
  }

  /// The id of an added token such as `<|im_end|>`.
  public OptionalInt added(String token) {
    Integer id = added.get(token);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  public int vocabularySize() {
    return bytes.length;
  }

  /// Of the file, lower-case hexadecimal.
  public String sha256() {
    return sha256;
  }

  static String sha256(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  @Override
  public void close() {
    encoder.close();
  }
}
