package dev.turnstone.trainerbridge.log;

import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Whether the log takes writes now. Written by the log's thread, read by any.
final class LogHealth {
  private static final Logger LOG = LoggerFactory.getLogger(LogHealth.class);

  private volatile Optional<String> trouble = Optional.empty();
  private volatile boolean full;

  /// Why the log takes no writes; empty while it does.
  Optional<String> trouble() {
    return trouble;
  }

  /// Whether it is for want of room.
  boolean full() {
    return full;
  }

  void full(String why) {
    full = true;
    failed(why);
  }

  void failed(String why) {
    if (trouble.isEmpty()) LOG.error("the trajectory log takes no writes: {}", why);
    trouble = Optional.of(why);
  }

  void well() {
    if (trouble.isEmpty()) return;
    LOG.info("the trajectory log takes writes again");
    full = false;
    trouble = Optional.empty();
  }
}
