package dev.turnstone.engine.hub;

/// Hears how a download goes on.
public interface Progress {
  /// Nobody listens.
  Progress NONE = (_, _, _) -> {};

  /// Bytes of a file that are here, and of how many; often.
  void at(String file, long bytes, long of);
}
