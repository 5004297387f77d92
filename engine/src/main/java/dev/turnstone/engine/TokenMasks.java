package dev.turnstone.engine;

import dev.turnstone.engine.grammar.Constraints;
import dev.turnstone.engine.grammar.Guide;
import dev.turnstone.engine.grammar.TokenTrie;
import dev.turnstone.rollout.Constraint;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/// What constrained generation needs beside the model: the bytes of the model's tokens, sorted when
/// the first constraint comes, and the thread that works out masks.
///
/// Safe for many threads.
final class TokenMasks implements AutoCloseable {
  private final Constraints constraints = new Constraints();
  // One task per running sequence with a constraint at the most.
  private final ExecutorService worker =
      Executors.newSingleThreadExecutor(
          task -> Thread.ofPlatform().name("token-masks").daemon(true).unstarted(task));
  private Optional<Supplier<byte[][]>> source = Optional.empty(); // guarded by this
  private Optional<TokenTrie> tokens = Optional.empty(); // guarded by this

  /// @throws IllegalArgumentException with a sentence if the constraint cannot be kept
  void check(Constraint constraint) {
    tokens();
    constraints.grammar(constraint);
  }

  Guide guide(Constraint constraint) {
    return new Guide(constraints.grammar(constraint), tokens(), worker);
  }

  private synchronized TokenTrie tokens() {
    if (tokens.isEmpty()) {
      byte[][] bytes =
          source
              .orElseThrow(() ->
                  new IllegalArgumentException("constraints need a tokenizer, and there is none"))
              .get();
      tokens = Optional.of(checked(new TokenTrie(bytes)));
    }
    return tokens.get();
  }

  /// @param bytes asked for when the first constraint comes
  synchronized void tokens(Supplier<byte[][]> bytes) {
    source = Optional.of(bytes);
    tokens = Optional.empty();
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
