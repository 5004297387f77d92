package dev.turnstone.server.sessions;

import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.server.http.Refused;
import dev.turnstone.trainerbridge.runs.AgentDriver;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// All sessions of a server: those that clients open, and those of runs whose driver is an agent.
///
/// A session lives in memory. When the server ends, those of runs start again as a new attempt,
/// with a new session; the others are gone.
public final class Sessions implements AgentDriver, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Sessions.class);
  private static final Duration TICK = Duration.ofMillis(200);
  private static final Duration SLACK = Duration.ofSeconds(30);
  private static final int REMEMBERED = 64;
  private static final int NAMED = 10_000;
  private static final String OWN = "session";
  private static final Pattern OF_A_RUN = Pattern.compile("[^~]+~[^~]+~\\d+~\\d+");

  private final ChatFormat format;
  private final Consumer<String> forget;
  private final SessionTimes times;
  private final LongSupplier nanoTime;
  private final Map<String, Session> live = new ConcurrentHashMap<>();

  /// Those that have ended, of which the last are kept whole; guarded by itself.
  private final Map<String, Optional<Session>> finished = new HashMap<>();

  /// Their ids in order; guarded by `finished`.
  private final List<String> ended = new ArrayList<>();

  private final Thread sweeper;

  /// @param forget is told which conversations of the policy will not go on
  /// @param nanoTime a clock such as `System::nanoTime`
  public Sessions(
      ChatFormat format, Consumer<String> forget, SessionTimes times, LongSupplier nanoTime) {
    this.forget = forget;
    this.format = format;
    this.times = times;
    this.nanoTime = nanoTime;
    this.sweeper = Thread.ofVirtual().name("session-deadlines").start(this::tick);
  }

  /// The id of a rollout's session.
  static String id(RolloutId rollout) {
    return String.join(
        "~",
        rollout.run(),
        rollout.group(),
        Integer.toString(rollout.index()),
        Integer.toString(rollout.attempt()));
  }

  /// Opens a session that belongs to no run.
  Session open(SessionRules rules) {
    if (live.size() >= times.maxSessions())
      throw Refused.busy("the server is full: %d sessions are open".formatted(live.size()), "full");
    String id = "s" + UUID.randomUUID().toString().replace("-", "");
    Session session =
        new Session(id, new RolloutId(OWN, id, 0, 0), rules, format, forget, nanoTime);
    live.put(id, session);
    return session;
  }

  @Override
  public Trajectory drive(RolloutId id, Task task, RunSpec spec) throws InterruptedException {
    SessionRules rules =
        new SessionRules(
            Optional.of(spec.sampling()), Optional.of(spec.limits()), spec.limits().wallTime());
    Session session = new Session(id(id), id, rules, format, forget, nanoTime);
    live.put(session.id(), session);
    try {
      Duration patience = rules.deadline().plus(times.reward()).plus(SLACK);
      Optional<Trajectory> made = session.await(patience);
      return made.isPresent()
          ? made.get()
          : session.finish(Optional.of(StopReason.CLIENT_GONE), Duration.ZERO);
    } catch (InterruptedException e) {
      session.finish(Optional.of(StopReason.CANCELLED), Duration.ZERO);
      throw e;
    } finally {
      forget(session);
    }
  }

  /// A session that takes calls, or has just been finished.
  ///
  /// @throws Refused if there is none of that name
  Session find(String id) {
    Session session = live.get(id);
    if (session != null) return session;
    synchronized (finished) {
      Optional<Session> known = finished.getOrDefault(id, Optional.empty());
      if (known.isPresent()) return known.get();
      if (finished.containsKey(id)) throw closed(id);
    }
    if (OF_A_RUN.matcher(id).matches())
      throw Refused.busy(
          "session %s is not open: its group waits for admission, or it has ended".formatted(id),
          "session_not_open");
    throw Refused.notFound("there is no session " + id, "session", "unknown_session");
  }

  static Refused closed(String id) {
    return Refused.of(410, "session %s is finished".formatted(id), "session_closed");
  }

  /// Finishes a session for its client.
  Trajectory finish(Session session, Optional<StopReason> stop) throws InterruptedException {
    Trajectory made = session.finish(stop, times.reward());
    if (made.id().run().equals(OWN)) forget(session);
    return made;
  }

  /// Keeps the last ones and the names of many more.
  private void forget(Session session) {
    if (live.remove(session.id()) == null) return;
    synchronized (finished) {
      finished.put(session.id(), Optional.of(session));
      ended.addLast(session.id());
      if (ended.size() > REMEMBERED)
        finished.put(ended.get(ended.size() - REMEMBERED - 1), Optional.empty());
      if (ended.size() > NAMED) finished.remove(ended.removeFirst());
    }
  }

  /// The sessions of one group that are open now.
  public List<String> open(String run, String group) {
    String prefix = run + "~" + group + "~";
    return live.keySet().stream().filter(id -> id.startsWith(prefix)).sorted().toList();
  }

  /// Sessions that are open now.
  public int count() {
    return live.size();
  }

  private void tick() {
    try {
      while (true) {
        Thread.sleep(TICK);
        for (Session session : live.values()) tendSafely(session);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /// What is wrong with one session must not keep the others open.
  private void tendSafely(Session session) {
    try {
      tend(session);
    } catch (RuntimeException e) {
      log.error("session {} cannot be tended", session.id(), e);
    }
  }

  private void tend(Session session) {
    session.calls().sweep(times.retryGrace());
    if (!session.late(Duration.ZERO)) return;
    // Whoever finishes it may wait for its reward, and may be gone before it comes.
    Duration slack = session.isClosing() ? times.reward().plus(SLACK) : Duration.ZERO;
    if (session.trajectory().isPresent() || !session.late(slack) || !session.expire()) return;
    // Its calls take a while to end, for which no other session is to wait.
    Thread.ofVirtual().name("session-deadline " + session.id()).start(() -> closeLate(session));
  }

  private void closeLate(Session session) {
    log.info("session {} is closed: nobody finished it in time", session.id());
    try {
      session.finish(Optional.of(StopReason.CLIENT_GONE), Duration.ZERO);
      if (session.trajectory().filter(made -> made.id().run().equals(OWN)).isPresent())
        forget(session);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      log.error("session {} cannot be closed, which is tried again", session.id(), e);
      session.expireAgain();
    }
  }

  @Override
  public void close() {
    sweeper.interrupt();
    try {
      for (Session session : live.values()) session.calls().abortAll();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
