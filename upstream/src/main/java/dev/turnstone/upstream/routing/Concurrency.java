package dev.turnstone.upstream.routing;

/// How many turns one engine may have at once, found from its own figures: more while its KV cache
/// has room and the limit is what holds it back, a little less when it fills, much less when it is
/// full or preempts.
///
/// The thread that watches the engine observes, and turns tell of refusals; each call is atomic.
public final class Concurrency {
  private static final double GROW = 1.25;
  private static final double TRIM_AT = 0.8;
  private static final double TRIM = 0.95;
  private static final double CUT_AT = 0.9;
  private static final double CUT = 0.7;
  private static final double BINDING = 0.9;

  private final double least;
  private final double most;
  private double limit;
  private double preemptions = -1;
  private boolean cut;
  private long lastCut;

  /// A limit for an engine of which nothing is known.
  ///
  /// @param first limit before anything is known
  /// @param most never more
  public Concurrency(double first, double most) {
    this.least = 1;
    this.most = most;
    this.limit = Math.min(first, most);
  }

  public synchronized double limit() {
    return limit;
  }

  /// Takes the engine's figures into account.
  ///
  /// @param kvUsage 0 to 1
  /// @param preempted how often it has preempted since it started
  /// @param queued requests that wait inside the engine
  /// @param inFlight turns that we have there
  /// @return the new limit
  public synchronized double observe(double kvUsage, double preempted, int queued, int inFlight) {
    boolean preempting = preemptions >= 0 && preempted > preemptions;
    preemptions = preempted;
    if (preempting || kvUsage >= CUT_AT) limit = Math.min(limit, inFlight) * CUT;
    else if (kvUsage >= TRIM_AT) limit = Math.min(limit, inFlight) * TRIM;
    else if (queued == 0 && inFlight >= limit * BINDING) limit *= GROW;
    limit = Math.clamp(limit, least, most);
    return limit;
  }

  /// The engine refused a turn because it is full. Turns that were sent under the limit of before
  /// say nothing about the new one: a burst of refusals counts once.
  ///
  /// @param sent when the turn was sent, on [System#nanoTime]
  /// @return the new limit
  public synchronized double refused(int inFlight, long sent) {
    if (cut && sent - lastCut < 0) return limit;
    cut = true;
    lastCut = System.nanoTime();
    limit = Math.clamp(Math.min(limit, inFlight) * CUT, least, most);
    return limit;
  }
}
