package dev.turnstone.engine;

import dev.turnstone.engine.chat.Tokenizer;
import dev.turnstone.engine.grammar.Constraints;
import dev.turnstone.engine.grammar.Guide;
import dev.turnstone.engine.grammar.TokenTrie;
import dev.turnstone.rollout.Constraint;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/// What constrained generation needs beside the model: the bytes of the model's tokens, read from
/// its folder when the first constraint comes, and the thread that works out masks.
///
/// Safe for many threads.
final class TokenMasks implements AutoCloseable {
  private static final byte[] NO_TEXT = {};

  private final Path folder;
  private final int vocabulary;
  private final Constraints constraints = new Constraints();
  // One task per running sequence with a constraint at the most.
  private final ExecutorService worker =
      Executors.newSingleThreadExecutor(
          task -> Thread.ofPlatform().name("token-masks").daemon(true).unstarted(task));
  private Optional<TokenTrie> tokens = Optional.empty(); // guarded by this

  TokenMasks(Path folder, int vocabulary) {
    this.folder = folder;
    this.vocabulary = vocabulary;
  }

  /// @throws IllegalArgumentException with a sentence if the constraint cannot be kept
  void check(Constraint constraint) {
    tokens();
    constraints.grammar(constraint);
  }

  Guide guide(Constraint constraint) {
    return new Guide(constraints.grammar(constraint), tokens(), worker);
  }

  private synchronized TokenTrie tokens() {
    if (tokens.isEmpty()) tokens = Optional.of(checked(new TokenTrie(read())));
    return tokens.get();
  }

  /// Takes the bytes of tokens as given instead of the folder's.
  synchronized void tokens(byte[][] bytes) {
    tokens = Optional.of(checked(new TokenTrie(bytes)));
  }

  /// Special tokens are no text.
  private byte[][] read() {
    byte[][] bytes = new byte[vocabulary][];
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      for (int id = 0; id < vocabulary; id++)
        bytes[id] = tokenizer.isSpecial(id) ? NO_TEXT : tokenizer.bytes(id);
      return bytes;
    } catch (ModelException e) {
      throw new IllegalArgumentException("constraints need a tokenizer: " + e.getMessage(), e);
    }
  }

  /// Every grammar can be followed to its end only if every printable character can be written.
  private static TokenTrie checked(TokenTrie trie) {
    for (int value = ' '; value <= '~'; value++)
      if (!trie.has(value))
        throw new IllegalArgumentException(
            "constraints need a token for every printable character, and this vocabulary has none"
                + " for '%c'".formatted(value));
    return trie;
  }

  @Override
  public void close() {
    worker.shutdownNow();
  }
}
