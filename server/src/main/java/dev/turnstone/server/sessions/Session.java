package dev.turnstone.server.sessions;

import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.StopReason.Use;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.rollout.session.Continuation;
import dev.turnstone.rollout.session.SessionRecord;
import dev.turnstone.rollout.session.SessionSummary;
import dev.turnstone.server.completion.Ask;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.http.Refused;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/// One session from its opening to its trajectory. Safe for many threads.
final class Session {
  private final String id;
  private final RolloutId rollout;
  private final SessionRules rules;
  private final SessionRecord record;
  private final SessionCalls calls;
  private final Consumer<String> forget;
  private final LongSupplier nanoTime;
  private final long opened;

  private final AtomicBoolean expired = new AtomicBoolean();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  // All guarded by lock.
  private final TreeMap<Integer, Double> turnRewards = new TreeMap<>();
  private Optional<Reward> reward = Optional.empty();
  private Optional<String> broken = Optional.empty();
  private boolean closing;
  private Optional<Trajectory> trajectory = Optional.empty();

  /// @param forget is told which conversations of the policy will not go on
  Session(
      String id,
      RolloutId rollout,
      SessionRules rules,
      ChatFormat format,
      Consumer<String> forget,
      LongSupplier nanoTime) {
    this.forget = forget;
    this.id = id;
    this.rollout = rollout;
    this.rules = rules;
    this.record = new SessionRecord(format);
    this.calls = new SessionCalls(this, nanoTime);
    this.nanoTime = nanoTime;
    this.opened = nanoTime.getAsLong();
  }

  String id() {
    return id;
  }

  SessionRecord record() {
    return record;
  }

  SessionCalls calls() {
    return calls;
  }

  SessionRules rules() {
    return rules;
  }

  /// The policy's name for one of the session's conversations.
  String conversation(int row) {
    return id + "#" + row;
  }

  /// What a call may ask of the policy here.
  ///
  /// @throws Refused if the session's limits allow no further turn
  Ask allowed(Ask wanted) {
    Optional<Sampling> forced =
        rules.sampling().map(sampling -> seeded(sampling, wanted.prompt().size()));
    int room =
        rules
            .limits()
            .map(limits -> {
              var reached =
                  limits.reached(
                      record.turns(), record.generated(), wanted.prompt().size(), elapsed());
              if (reached.isPresent())
                throw Refused.of(
                    400,
                    "the session has reached its limit: " + reached.get().wire(),
                    "session_limit");
              return limits.turnBudget(record.generated(), wanted.prompt().size());
            })
            .orElse(wanted.maxTokens());
    return wanted.within(forced.orElse(wanted.sampling()), Math.min(room, wanted.maxTokens()));
  }

  /// Siblings of one seed would be the same rollout, and so would be the turns of one.
  private Sampling seeded(Sampling sampling, int length) {
    if (sampling.seed().isEmpty()) return sampling;
    long own = rollout.seed(sampling.seed().getAsLong());
    return sampling.withSeed(own + length + record.turns());
  }

  private Duration elapsed() {
    return Duration.ofNanos(nanoTime.getAsLong() - opened);
  }

  /// Whether it is over its deadline by more than `slack`.
  boolean late(Duration slack) {
    return elapsed().compareTo(rules.deadline().plus(slack)) > 0;
  }

  /// Whether nobody acts upon its deadline yet.
  boolean expire() {
    return expired.compareAndSet(false, true);
  }

  /// It could not be closed: somebody may try again.
  void expireAgain() {
    expired.set(false);
  }

  /// Takes a choice that has ended.
  ///
  /// @return its turn's number
  int accept(Continuation call, Choice choice) {
    Generation generation = choice.generation();
    for (int i = 0; i < generation.logprobs().size(); i++)
      if (!Float.isFinite(generation.logprobs().get(i)))
        breaks("logprob of the sampled id " + generation.ids().get(i) + " is not finite");
    return record.accept(
        call, generation, choice.ask().sampling(), choice.message(), choice.heard());
  }

  private void breaks(String why) {
    lock.lock();
    try {
      broken = Optional.of(why);
    } finally {
      lock.unlock();
    }
  }

  /// Scores the session; again replaces the score.
  void reward(double value, Map<String, Double> parts) {
    Reward given = new Reward(finite(value), parts);
    parts.values().forEach(Session::finite);
    lock.lock();
    try {
      checkOpen();
      reward = Optional.of(given);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /// Scores one turn.
  void reward(int turn, double value) {
    finite(value);
    lock.lock();
    try {
      checkOpen();
      if (turn < 0 || turn >= record.turns())
        throw Refused.bad("turn %d of %d".formatted(turn, record.turns()), "turn");
      turnRewards.put(turn, value);
    } finally {
      lock.unlock();
    }
  }

  private static double finite(double value) {
    if (!Double.isFinite(value)) throw Refused.bad("reward is not finite: " + value, "reward");
    return value;
  }

  private void checkOpen() {
    if (trajectory.isPresent()) throw Sessions.closed(id);
  }

  /// Whether no call is taken any more.
  boolean isClosing() {
    lock.lock();
    try {
      return closing;
    } finally {
      lock.unlock();
    }
  }

  Optional<Trajectory> trajectory() {
    lock.lock();
    try {
      return trajectory;
    } finally {
      lock.unlock();
    }
  }

  /// Ends the session, waits for its reward, and makes its trajectory; the same one ever after.
  ///
  /// @param stop why, if the client says; else the last turn says
  /// @param patience for the reward
  Trajectory finish(Optional<StopReason> stop, Duration patience) throws InterruptedException {
    lock.lock();
    try {
      closing = true;
    } finally {
      lock.unlock();
    }
    calls.abortAll();
    for (int row = 0; row < record.conversations(); row++) forget.accept(conversation(row));
    SessionSummary summary = record.summary();
    lock.lock();
    try {
      Stop known = stop(stop, summary);
      long left = known.reason().use() == Use.DROP ? 0 : patience.toNanos();
      while (trajectory.isEmpty() && reward.isEmpty() && left > 0) left = changed.awaitNanos(left);
      if (trajectory.isEmpty()) {
        trajectory = Optional.of(made(known, summary));
        changed.signalAll();
      }
      return trajectory.get();
    } finally {
      lock.unlock();
    }
  }

  /// Waits until somebody has finished the session.
  ///
  /// @return empty if nobody did in time
  Optional<Trajectory> await(Duration patience) throws InterruptedException {
    long left = TimeUnit.NANOSECONDS.convert(patience);
    lock.lock();
    try {
      while (trajectory.isEmpty() && left > 0) left = changed.awaitNanos(left);
      return trajectory;
    } finally {
      lock.unlock();
    }
  }

  private record Stop(StopReason reason, String detail) {}

  private Stop stop(Optional<StopReason> told, SessionSummary summary) {
    if (broken.isPresent()) return new Stop(StopReason.ENGINE_ERROR, broken.get());
    if (told.filter(reason -> reason.use() == Use.DROP).isPresent())
      return new Stop(told.get(), "");
    var last = summary.turns().stream().filter(turn -> !turn.discarded()).reduce((a, b) -> b);
    if (last.isEmpty()) return new Stop(StopReason.CLIENT_GONE, "the session has no turn");
    if (summary.lineages().size() > 1)
      return new Stop(StopReason.STALE, "tokens come from two lineages of weights");
    if (told.isPresent()) return new Stop(told.get(), "");
    return last.get().finish() == FinishReason.STOP
        ? new Stop(StopReason.ANSWER, "")
        : new Stop(StopReason.MAX_TOKENS, "the last turn was cut off");
  }

  private Trajectory made(Stop stop, SessionSummary summary) {
    Optional<Reward> scored =
        stop.reason().use() == Use.DROP
            ? Optional.empty()
            : reward.map(score -> new Reward(score.value(), score.parts(), turnRewards));
    var turns = summary.turns();
    return new Trajectory(
        rollout,
        record.rows(),
        scored,
        stop.reason(),
        stop.detail(),
        summary.transcript(),
        new Trajectory.Stats(
            turns.size(),
            turns.stream().mapToInt(SessionSummary.Turn::generated).sum(),
            turns.stream().mapToInt(SessionSummary.Turn::cached).sum(),
            turns.stream().mapToInt(SessionSummary.Turn::toolCalls).sum(),
            elapsed()));
  }
}
