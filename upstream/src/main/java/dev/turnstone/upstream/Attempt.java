package dev.turnstone.upstream;

import dev.turnstone.upstream.http.EngineCall;
import java.util.Optional;

/// One request to one engine for (the rest of) a turn. Its turn's thread reads it; others may only
/// cut it, after which what it still brings is not taken.
final class Attempt {
  /// Why an attempt was ended from outside.
  enum Cut {
    /// New weights come: the turn goes on under them.
    UPDATE,
    /// A pause that ends what runs.
    ABORT,
    /// Its engine was ejected: the turn goes on elsewhere.
    EJECTED
  }

  private final EngineCall call;
  private volatile Optional<Cut> cut = Optional.empty();
  private final int version;
  private final String label;
  private final boolean divisible;
  private final long sent = System.nanoTime();
  private volatile Optional<String> found = Optional.empty();

  /// An attempt that is about to be sent.
  ///
  /// @param version of the weights that sample its tokens, for as long as it runs
  /// @param label what its engine calls them; empty if it does not say
  /// @param divisible whether its turn can go on from its tokens
  Attempt(EngineCall call, int version, String label, boolean divisible) {
    this.call = call;
    this.version = version;
    this.label = label;
    this.divisible = divisible;
  }

  EngineCall call() {
    return call;
  }

  /// Ends it; the first reason counts.
  synchronized void cut(Cut why) {
    if (cut.isEmpty()) cut = Optional.of(why);
    call.cancel();
  }

  Optional<Cut> cut() {
    return cut;
  }

  /// Its engine was seen to call its weights so while it ran.
  void found(String other) {
    found = Optional.of(other);
  }

  Optional<String> found() {
    return found;
  }

  String label() {
    return label;
  }

  boolean divisible() {
    return divisible;
  }

  /// When it was sent, on [System#nanoTime].
  long sent() {
    return sent;
  }

  int version() {
    return version;
  }
}
