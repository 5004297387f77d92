package dev.turnstone.engine.chat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;

/// The ids of words, so that most of an ASCII text is looked up instead of encoded: agents say and
/// hear the same words again and again, and Hugging Face's library spends most of its time on what
/// lies around a word's merges, such as offsets.
///
/// A word is what the tokenizer's own pre-tokenizer cuts a text into, and no merge crosses it, so
/// the ids of a text are those of its words and added tokens. There is a cache only for
/// pre-tokenizers whose cuts are known here for ASCII; for other text, and for a word that is new,
/// the library is asked. Safe for many threads.
final class WordCache {
  private static final String OTHER = "[^\\s0-9A-Za-z]+";
  private static final String CONTRACTION = "'(?:[stmd]|re|ve|ll)";
  private static final String SPACES = "\\s+(?!\\S)|\\s+";

  /// Pre-tokenizers' expressions, and what they come to where all letters are ASCII.
  private static final Map<String, Pattern> KNOWN =
      Map.of(
          // Qwen 2 to 3
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
              + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
          words("[0-9]"),
          // Llama 3
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
              + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
          words("[0-9]{1,3}"));

  private static final Pattern GPT2 =
      Pattern.compile(CONTRACTION + "| ?[A-Za-z]+| ?[0-9]+| ?" + OTHER + "|" + SPACES);
  private static final Pattern DIGIT = Pattern.compile("[0-9]");
  private static final Pattern DIGITS = Pattern.compile("[0-9]+");

  private static final int MOST_WORDS = 1 << 15;
  private static final int LONGEST_WORD = 64;

  private final List<Pattern> cuts;
  private final TokenNames added;
  private final Map<String, Integer> addedIds;
  private final Map<String, int[]> words = new ConcurrentHashMap<>();

  private WordCache(List<Pattern> cuts, Map<String, Integer> addedIds) {
    this.cuts = cuts;
    this.added = new TokenNames(addedIds.keySet());
    this.addedIds = addedIds;
  }

  private static Pattern words(String number) {
    return Pattern.compile(
        "(?i:"
            + CONTRACTION
            + ")|[^\\r\\n0-9A-Za-z]?[A-Za-z]+|"
            + number
            + "| ?"
            + OTHER
            + "[\\r\\n]*|\\s*[\\r\\n]+|"
            + SPACES);
  }

  /// Empty if a tokenizer does something else than is known here.
  ///
  /// @param json of `tokenizer.json`, of which its tokens and merges may be missing
  static Optional<WordCache> of(JsonNode json) {
    JsonNode normalizer = json.path("normalizer");
    boolean plain =
        (normalizer.isNull() || isType(normalizer, "NFC"))
            && json.path("model").path("dropout").asDouble(0) == 0;
    Map<String, Integer> added = new HashMap<>();
    for (JsonNode token : json.path("added_tokens")) {
      plain &= token.path("normalized").equals(json.at("/added_tokens/0/normalized"));
      for (String flag : List.of("single_word", "lstrip", "rstrip"))
        plain &= !token.path(flag).booleanValue();
      added.put(token.path("content").asText(), token.path("id").intValue());
    }
    if (!plain) return Optional.empty();
    return cuts(json.path("pre_tokenizer")).map(cuts -> new WordCache(cuts, added));
  }

  private static boolean isType(JsonNode part, String type) {
    return type.equals(part.path("type").textValue());
  }

  private static Optional<List<Pattern>> cuts(JsonNode pretokenizer) {
    List<JsonNode> parts =
        isType(pretokenizer, "Sequence")
            ? StreamSupport.stream(pretokenizer.path("pretokenizers").spliterator(), false).toList()
            : List.of(pretokenizer);
    // The last one turns bytes into letters; without it the model sees the text otherwise.
    if (parts.isEmpty() || !isType(parts.getLast(), "ByteLevel")) return Optional.empty();
    List<Optional<Pattern>> found = parts.stream().map(WordCache::cut).toList();
    if (found.stream().anyMatch(Optional::isEmpty)) return Optional.empty();
    return Optional.of(
        found.stream().map(Optional::get).filter(cut -> !cut.pattern().isEmpty()).toList());
  }

  /// Where a part of a pre-tokenizer cuts; an empty pattern for nowhere.
  private static Optional<Pattern> cut(JsonNode part) {
    return switch (part.path("type").asText()) {
      case "Digits" -> Optional.of(part.path("individual_digits").booleanValue() ? DIGIT : DIGITS);
      case "ByteLevel" ->
          part.path("add_prefix_space").asBoolean(true)
              ? Optional.empty()
              : Optional.of(part.path("use_regex").asBoolean(true) ? GPT2 : Pattern.compile(""));
      case "Split" ->
          isIsolated(part)
              ? Optional.ofNullable(KNOWN.get(part.at("/pattern/Regex").asText()))
              : Optional.empty();
      default -> Optional.empty();
    };
  }

  private static boolean isIsolated(JsonNode split) {
    return split.path("behavior").asText().equals("Isolated")
        && !split.path("invert").booleanValue();
  }

  /// Encodes a word that is not known yet.
  interface Library {
    int[] encode(String word);
  }

  /// The ids of a text; empty if it is not all ASCII.
  Optional<int[]> encode(String text, Library library) {
    for (int i = 0; i < text.length(); i++) if (text.charAt(i) >= 0x80) return Optional.empty();
    Ids ids = new Ids(text.length() / 2);
    int from = 0;
    for (int i = 0; i < text.length(); ) {
      int length = added.at(text, i);
      if (length == 0) {
        i++;
        continue;
      }
      cut(text, from, i, 0, library, ids);
      ids.add(Objects.requireNonNull(addedIds.get(text.substring(i, i + length))));
      i += length;
      from = i;
    }
    cut(text, from, text.length(), 0, library, ids);
    return Optional.of(ids.all());
  }

  /// Cuts part of a text as the pre-tokenizer's parts from `step` on do; what lies between two
  /// matches is a piece as well.
  private void cut(String text, int from, int to, int step, Library library, Ids ids) {
    if (from == to) return;
    if (step == cuts.size()) {
      word(text.substring(from, to), library, ids);
      return;
    }
    // Each piece is cut as if it stood alone: what is beside it is not looked at.
    Matcher matcher = cuts.get(step).matcher(text).region(from, to);
    int at = from;
    while (matcher.find()) {
      cut(text, at, matcher.start(), step + 1, library, ids);
      cut(text, matcher.start(), matcher.end(), step + 1, library, ids);
      at = matcher.end();
    }
    cut(text, at, to, step + 1, library, ids);
  }

  private void word(String word, Library library, Ids ids) {
    int[] known = words.get(word);
    if (known == null) {
      known = library.encode(word);
      if (words.size() >= MOST_WORDS) words.clear();
      if (word.length() <= LONGEST_WORD) words.put(word, known);
    }
    ids.add(known);
  }

  /// Ids that grow.
  private static final class Ids {
    private int[] ids;
    private int size;

    Ids(int expected) {
      ids = new int[Math.max(16, expected)];
    }

    void add(int... more) {
      if (size + more.length > ids.length)
        ids = Arrays.copyOf(ids, Math.max(2 * ids.length, size + more.length));
      System.arraycopy(more, 0, ids, size, more.length);
      size += more.length;
    }

    int[] all() {
      return Arrays.copyOf(ids, size);
    }
  }
}
