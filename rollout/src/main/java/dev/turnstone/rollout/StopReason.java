package dev.turnstone.rollout;

import java.util.Locale;

/// Why a rollout stopped, and what that means for training unless its run says otherwise.
public enum StopReason {
  /// The policy stopped without a tool call.
  ANSWER(Use.TRAIN),
  /// The environment ended the episode.
  DONE(Use.TRAIN),
  MAX_TURNS(Use.TRAIN),
  MAX_TOKENS(Use.MASK),
  CONTEXT_OVERFLOW(Use.MASK),
  TIMEOUT(Use.MASK),
  /// Too many unreadable tool calls in a row.
  PARSE_ERROR(Use.MASK),
  /// Too many failed tool calls in a row.
  TOOL_ERROR(Use.MASK),
  ENVIRONMENT_LOST(Use.DROP),
  ENGINE_ERROR(Use.DROP),
  STALE(Use.DROP),
  CANCELLED(Use.DROP),
  CLIENT_GONE(Use.DROP);

  private final Use use;

  StopReason(Use use) {
    this.use = use;
  }

  public Use use() {
    return use;
  }

  /// The name on the wire and in the log: lower snake case.
  public String wire() {
    return name().toLowerCase(Locale.ROOT);
  }

  public static StopReason ofWire(String name) {
    return valueOf(name.toUpperCase(Locale.ROOT));
  }

  /// What a trainer does with a rollout.
  public enum Use {
    /// Sent and trained.
    TRAIN,
    /// Sent with mask 0; its reward counts in the baseline only if it was scored.
    MASK,
    /// Not sent; listed as failed, outside the baseline.
    DROP
  }
}
