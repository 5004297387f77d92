package dev.turnstone.trainerbridge.feed;

import java.io.IOException;

/// One WebSocket connection as a [FeedSession] writes to it. Messages are whole: texts may come
/// from any thread, and fall between two binary messages, never into one.
public interface FeedSocket {
  /// Sends a text frame and returns when the transport has taken it.
  ///
  /// @throws IOException if the connection is gone or takes nothing for too long
  void text(String message) throws IOException, InterruptedException;

  /// Sends a binary frame and returns when the transport has taken it.
  ///
  /// @throws IOException if the connection is gone or takes nothing for too long
  void binary(byte[] message) throws IOException, InterruptedException;

  /// Closes the connection; nothing happens if it is closed already.
  ///
  /// @param code as in [CloseCode]
  void close(int code, String reason);
}
