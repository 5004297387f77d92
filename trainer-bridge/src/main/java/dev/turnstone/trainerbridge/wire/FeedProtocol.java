package dev.turnstone.trainerbridge.wire;

import java.time.Duration;

/// The feed's constants, the same on both ends.
public final class FeedProtocol {
  /// The WebSocket subprotocol.
  public static final String NAME = "turnstone.v1";

  /// How often a sign of life is sent.
  public static final Duration HEARTBEAT = Duration.ofSeconds(5);

  /// A client may ask for one this often.
  public static final Duration SHORTEST_HEARTBEAT = Duration.ofMillis(20);

  /// How long nothing may come before the connection is given up.
  public static final Duration SILENCE = Duration.ofSeconds(60);

  /// No message is larger.
  public static final long MAX_MESSAGE_BYTES = 64L << 20;

  private FeedProtocol() {}
}
