package dev.turnstone.rollout;

/// A policy whose weights a trainer replaces while it serves.
public interface TrainablePolicy extends Policy {
  /// Replaces the weights between two steps and returns when the new ones serve. No request is lost
  /// unless the pause mode is [WeightsUpdate.Pause#ABORT].
  ///
  /// @throws WeightsRejected if the folder does not hold exactly this policy's parameters; the old
  ///   weights go on serving
  Applied apply(WeightsUpdate update) throws WeightsRejected, InterruptedException;

  /// The same while somebody else still checks the files: nothing is served before they are found
  /// good.
  default Applied apply(WeightsUpdate update, Verdict verdict)
      throws WeightsRejected, InterruptedException {
    verdict.await();
    return apply(update);
  }

  /// What a check of files will find.
  @FunctionalInterface
  interface Verdict {
    /// Returns once they are known to be good.
    ///
    /// @throws WeightsRejected if they are not
    void await() throws WeightsRejected, InterruptedException;
  }

  /// What an update cost, in milliseconds.
  ///
  /// @param loadMillis reading and checking the files, while the policy went on serving
  /// @param pauseMillis time in which no token was generated
  record Applied(WeightsId id, long loadMillis, long pauseMillis) {}

  /// New weights that cannot be used, and why, in one sentence.
  final class WeightsRejected extends Exception {
    private static final long serialVersionUID = 1;

    public WeightsRejected(String message) {
      super(message);
    }
  }
}
