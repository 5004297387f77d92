package dev.turnstone.rollout;

/// A policy that a trainer can make stand still, for what it does outside of [TrainablePolicy].
public interface PausablePolicy extends Policy {
  /// Stops generating and returns when nothing is generated any more. Requests that come later wait
  /// for [#resume]; so do those that stand still.
  ///
  /// @param mode what becomes of the running ones
  void pause(WeightsUpdate.Pause mode) throws InterruptedException;

  /// Goes on; without a pause nothing happens.
  void resume() throws InterruptedException;

  boolean paused();

  /// Forgets what is cached of prompts, so that it is computed again.
  ///
  /// @param restartRunning whether running requests are computed again, too
  /// @return false if running requests hold some of it; then it is not forgotten
  boolean forgetPrefixes(boolean restartRunning) throws InterruptedException;
}
