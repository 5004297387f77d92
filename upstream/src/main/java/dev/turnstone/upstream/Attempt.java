package dev.turnstone.upstream;

import java.util.Optional;
import okhttp3.Call;

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

  private final Call call;
  private volatile Optional<Cut> cut = Optional.empty();
  private final int version;

  /// An attempt that was not sent yet.
  ///
  /// @param version of the weights that sample its tokens, for as long as it runs
  Attempt(Call call, int version) {
    this.call = call;
    this.version = version;
  }

  Call call() {
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

  int version() {
    return version;
  }
}
