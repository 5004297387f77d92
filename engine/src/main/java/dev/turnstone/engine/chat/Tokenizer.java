package dev.turnstone.engine.chat;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.turnstone.engine.ModelException;
import dev.turnstone.rollout.Tokens;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/// Text to token ids and back, as a Hugging Face `tokenizer.json` says.
///
/// It encodes with Hugging Face's own library, so ids are theirs; of words that were seen before,
/// it keeps them. Special tokens in a text are found wherever they stand, as transformers does by
/// default: who writes `<|im_end|>` ends a turn. A [PromptText] says where they are only text. Safe
/// for many threads; [#close] waits for those that encode.
public final class Tokenizer implements AutoCloseable {
  private final long handle;
  private final Vocabulary vocabulary;
  private final Optional<WordCache> words;
  private final String sha256;
  private final byte[] file;
  private final ReadWriteLock open = new ReentrantReadWriteLock();
  private boolean closed; // guarded by open
  private final Map<ControlTokens, Aliased> copies = new HashMap<>(); // guarded by this

  /// A copy of the tokenizer in which control tokens have other names.
  private record Aliased(long handle, TokenAliases aliases) {}

  private Tokenizer(long handle, Vocabulary vocabulary, byte[] file) {
    this.handle = handle;
    this.words = WordCache.of(vocabulary.settings());
    this.vocabulary = vocabulary;
    this.file = file;
    this.sha256 = sha256(file);
  }

  /// Loads `tokenizer.json` of a model folder.
  ///
  /// @throws ModelException if it is missing, no tokenizer, or one without exact bytes per token
  public static Tokenizer load(Path folder) throws ModelException {
    Path path = folder.resolve("tokenizer.json");
    try {
      byte[] file = Files.readAllBytes(path);
      Vocabulary vocabulary = Vocabulary.parse(file);
      long handle = create(new String(file, StandardCharsets.UTF_8));
      return new Tokenizer(handle, vocabulary, file);
    } catch (NoSuchFileException _) {
      throw new ModelException("no tokenizer.json in " + folder);
    } catch (IOException | RuntimeException e) {
      throw new ModelException(path + " is not a tokenizer: " + e.getMessage(), e);
    }
  }

  private static long create(String json) {
    // The natives are inside the jar for the CPU only; for a GPU DJL would download others.
    setDefault("RUST_FLAVOR", "cpu");
    setDefault("OPT_OUT_TRACKING", "true");
    LibUtils.checkStatus(); // loads the native library, once
    long handle = TokenizersLibrary.LIB.createTokenizerFromString(json);
    TokenizersLibrary.LIB.disablePadding(handle);
    TokenizersLibrary.LIB.disableTruncation(handle);
    return handle;
  }

  private static void setDefault(String property, String value) {
    if (System.getProperty(property) == null) System.setProperty(property, value);
  }

  static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  /// Encodes a text.
  ///
  /// @param addSpecialTokens whether what the tokenizer puts around a text, such as BOS, is added;
  ///   a rendered chat template already has it
  public Tokens encode(String text, boolean addSpecialTokens) {
    return LongTexts.work(
        text.length(),
        () -> {
          open.readLock().lock();
          try {
            if (closed) throw new IllegalStateException("the tokenizer is closed");
            return addSpecialTokens ? encode(handle, text, true) : byWords(text);
          } finally {
            open.readLock().unlock();
          }
        });
  }

  private Tokens byWords(String text) {
    return words
        .flatMap(cache -> cache.encode(text, word -> ids(handle, word, false)))
        .map(Tokens::owned)
        .orElseGet(() -> encode(handle, text, false));
  }

  private static Tokens encode(long handle, String text, boolean addSpecialTokens) {
    return Tokens.owned(ids(handle, text, addSpecialTokens));
  }

  private static int[] ids(long handle, String text, boolean addSpecialTokens) {
    long encoding = TokenizersLibrary.LIB.encode(handle, text, addSpecialTokens);
    try {
      long[] ids = TokenizersLibrary.LIB.getTokenIds(encoding);
      int[] all = new int[ids.length];
      for (int i = 0; i < all.length; i++) all[i] = Math.toIntExact(ids[i]);
      return all;
    } finally {
      TokenizersLibrary.LIB.deleteEncoding(encoding);
    }
  }

  /// Encodes a rendered conversation; what is quoted in it becomes no control token.
  ///
  /// @param control the same at every call
  Tokens encode(PromptText prompt, ControlTokens control) {
    return control.quotedIn(prompt) ? encodeQuoting(prompt, control) : encode(prompt.text());
  }

  /// Encodes by the copy with other names, whether or not anything is quoted.
  Tokens encodeQuoting(PromptText prompt, ControlTokens control) {
    return LongTexts.work(prompt.text().length(), () -> quoting(prompt, control));
  }

  private Tokens quoting(PromptText prompt, ControlTokens control) {
    open.readLock().lock();
    try {
      if (closed) throw new IllegalStateException("the tokenizer is closed");
      Aliased copy = aliased(control);
      return encode(copy.handle, control.aliased(prompt, copy.aliases::of), false);
    } finally {
      open.readLock().unlock();
    }
  }

  /// Made when the first conversation needs it, which few do: it is as large as the tokenizer.
  private synchronized Aliased aliased(ControlTokens control) {
    return copies.computeIfAbsent(
        control,
        made -> {
          var aliases = new TokenAliases(made.names());
          var copy = new Aliased(create(aliases.renamed(file)), aliases);
          for (String name : made.names())
            if (!encode(copy.handle, aliases.of(name), false).equals(encode(handle, name, false))) {
              TokenizersLibrary.LIB.deleteTokenizer(copy.handle);
              throw new IllegalArgumentException(
                  "the tokenizer cannot tell %s from text".formatted(name));
            }
          return copy;
        });
  }

  /// Encodes a text as it is, such as a rendered chat template.
  public Tokens encode(String text) {
    return encode(text, false);
  }

  /// The text of ids. What is not UTF-8 becomes U+FFFD.
  ///
  /// @param skipSpecial whether special tokens are left out
  public String decode(Tokens ids, boolean skipSpecial) {
    IncrementalText text = new IncrementalText(this);
    StringBuilder made = new StringBuilder();
    for (int i = 0; i < ids.size(); i++)
      if (!skipSpecial || !vocabulary.isSpecial(ids.get(i))) made.append(text.feed(ids.get(i)));
    return made.append(text.finish()).toString();
  }

  /// The exact bytes that a token stands for; none for an id without a token.
  public byte[] bytes(int id) {
    return vocabulary.bytes(id).clone();
  }

  /// One more than the largest id.
  public int vocabularySize() {
    return vocabulary.size();
  }

  /// The id of a token, special or not, by its name in `tokenizer.json`.
  public OptionalInt id(String token) {
    return vocabulary.id(token);
  }

  /// Whether the id is a special token, which `skip_special_tokens` drops.
  public boolean isSpecial(int id) {
    return vocabulary.isSpecial(id);
  }

  /// Whether a space at the very start of a text belongs to the encoding, not to the text.
  boolean dropsLeadingSpace() {
    return vocabulary.dropsLeadingSpace();
  }

  /// The id of a token that was added to the vocabulary, such as `<|im_end|>`.
  public OptionalInt added(String token) {
    return vocabulary.added(token);
  }

  /// Names of the tokens that were added to the vocabulary.
  Set<String> added() {
    return vocabulary.added();
  }

  /// Hash of `tokenizer.json`, in lower-case hexadecimal.
  public String sha256() {
    return sha256;
  }

  @Override
  public void close() {
    open.writeLock().lock();
    try {
      if (closed) return;
      closed = true;
      TokenizersLibrary.LIB.deleteTokenizer(handle);
      synchronized (this) {
        copies.values().forEach(copy -> TokenizersLibrary.LIB.deleteTokenizer(copy.handle));
      }
    } finally {
      open.writeLock().unlock();
    }
  }
}
