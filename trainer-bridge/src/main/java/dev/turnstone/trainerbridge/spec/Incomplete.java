package dev.turnstone.trainerbridge.spec;

import java.time.Duration;

/// What a run does about groups some of whose rollouts fail.
///
/// A group is settled when all its rollouts have finished, or at `groupDeadline` after they
/// started: what is unfinished then is cancelled and listed as failed. It is delivered if at least
/// `minK` of its rollouts were scored, else it is dropped as `incomplete`.
///
/// @param minK scored rollouts that a delivered group has at least; below two there is no baseline
/// @param refills rollouts that one group may start again, under [Policy#REFILL]
public record Incomplete(Policy policy, int minK, Duration groupDeadline, int refills) {
  /// What happens when a rollout has failed.
  public enum Policy {
    /// Its siblings are waited for, to the deadline.
    WAIT,
    /// It is started again while refills are left.
    REFILL,
    /// Its siblings are waited for without a deadline: each ends by its own wall time.
    MIN_K,
    /// Its tokens are sent with mask 0 instead of being listed as failed.
    MASK
  }

  public Incomplete {
    if (minK < 2) throw new IllegalArgumentException("incomplete.min_k < 2: " + minK);
    if (!groupDeadline.isPositive())
      throw new IllegalArgumentException(
          "incomplete.group_deadline_s is not positive: " + groupDeadline);
    if (refills < 0) throw new IllegalArgumentException("incomplete.refills < 0: " + refills);
  }
}
