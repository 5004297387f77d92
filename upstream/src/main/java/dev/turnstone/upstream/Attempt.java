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
  private volatile int version;
  private volatile boolean mixed;
  private volatile long heard = System.nanoTime();

  /// An attempt that was not sent yet.
  ///
  /// @param version of the weights that sample its tokens, until [#goesOn]
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

  /// Something was read.
  void hear() {
    heard = System.nanoTime();
  }

  long heard() {
    return heard;
  }

  /// It stood still while its engine got new weights, and kept what it had computed.
  void goesOn(int newVersion) {
    version = newVersion;
    mixed = true;
  }

  int version() {
    return version;
  }

  boolean mixed() {
    return mixed;
  }
}
