package dev.turnstone.engine.grammar;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Leads one generation through a grammar: told what was drawn, it has the mask of the next token
/// worked out elsewhere while the model computes.
///
/// Confined to the engine thread, which never works out a mask itself.
public final class Guide {
  private final TokenTrie vocabulary;
  private final Executor workers;
  private CompletableFuture<Step> next;

  /// @param mask which ids can follow, by bits
  private record Step(Grammar.State state, Mask mask) {}

  /// Which ids can follow.
  ///
  /// @param complete whether the text may end here
  /// @param finished whether it must
  public record Mask(Bits ids, boolean complete, boolean finished) {}

  /// A set of ids.
  public static final class Bits {
    private final long[] words;

    private Bits(long[] words) {
      this.words = words;
    }

    public boolean contains(int id) {
      return id >> 6 < words.length && (words[id >> 6] >>> id & 1) != 0;
    }

    /// Gives every id outside the set the value `outside`.
    public void forbid(float[] values, float outside) {
      for (int from = 0; from < values.length; from += 64) {
        int end = Math.min(values.length, from + 64);
        long word = from >> 6 < words.length ? words[from >> 6] : 0;
        if (word == 0) Arrays.fill(values, from, end, outside);
        else if (word != -1)
          for (int id = from; id < end; id++) if ((word >>> id & 1) == 0) values[id] = outside;
      }
    }

    public boolean isEmpty() {
      for (long word : words) if (word != 0) return false;
      return true;
    }
  }

  /// A guide at the start of a text.
  ///
  /// @param workers where masks are worked out
  public Guide(Grammar grammar, TokenTrie vocabulary, Executor workers) {
    this.vocabulary = vocabulary;
    this.workers = workers;
    next = CompletableFuture.supplyAsync(() -> step(grammar.start()), workers);
  }

  private Step step(Grammar.State state) {
    Bits bits = new Bits(state.mask(vocabulary));
    return new Step(state, new Mask(bits, state.accepting(), bits.isEmpty()));
  }

  /// Goes on after a token that the mask allowed.
  public void drawn(int id) {
    next =
        next.thenApplyAsync(
            before -> {
              Grammar.State state = before.state();
              for (byte value : vocabulary.bytes(id))
                state = state.after(Byte.toUnsignedInt(value));
              return step(state);
            },
            workers);
  }

  /// Whether the mask is there, waiting for it a little.
  public boolean ready(Duration patience) throws InterruptedException {
    if (next.isDone()) return true;
    try {
      next.get(Math.max(0, patience.toNanos()), TimeUnit.NANOSECONDS);
      return true;
    } catch (TimeoutException _) {
      return false;
    } catch (ExecutionException _) {
      return true;
    }
  }

  /// The mask of the next token, once it is [#ready].
  ///
  /// @throws java.util.concurrent.CompletionException if working it out failed
  public Mask mask() {
    return next.join().mask();
  }
}
