package dev.turnstone.sandbox;

import dev.turnstone.sandbox.Session.Gone;
import dev.turnstone.sandbox.Session.NoFile;
import dev.turnstone.sandbox.jail.Jail;
import dev.turnstone.sandbox.jail.JailLost;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// All open sessions, and the reaper of those that nobody closes.
final class Sessions implements AutoCloseable {
  /// No session has this id.
  static final class Unknown extends Exception {
    private static final long serialVersionUID = 1;

    Unknown(String id) {
      super("there is no session " + id);
    }
  }

  /// As many sessions are open as may be.
  static final class Full extends Exception {
    private static final long serialVersionUID = 1;

    Full(int most) {
      super(
          "all %d sessions are open: close one, or start with more (--max-sessions)"
              .formatted(most));
    }
  }

  private static final Logger LOG = LoggerFactory.getLogger(Sessions.class);
  private static final Duration ROUND = Duration.ofSeconds(1);
  private static final int REMEMBERED = 10_000;
  private static final int ID_BYTES = 12;

  private final Sandbox sandbox;
  private final SandboxConfig config;
  private final SecureRandom random = new SecureRandom();
  private final Map<String, Session> open = new ConcurrentHashMap<>();
  private final Map<String, String> ends =
      new LinkedHashMap<>() {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, String> eldest) {
          return size() > REMEMBERED;
        }
      };
  private final Thread reaper;

  Sessions(Sandbox sandbox, SandboxConfig config) {
    this.sandbox = sandbox;
    this.config = config;
    this.reaper = Thread.ofVirtual().name("session-reaper").start(this::reap);
  }

  SessionOptions defaults() {
    return SessionOptions.defaults(config.queueWait());
  }

  /// The defaults, with the hosts that a request's header names.
  ///
  /// @throws BadRequest they go beyond the operator's
  SessionOptions defaults(Call call) throws BadRequest {
    return defaults().with(RequestReader.network(call, config.network()));
  }

  Session open(SessionOptions options, Map<String, byte[]> files)
      throws Full, SandboxBusy, NoFile, InterruptedException {
    byte[] bytes = new byte[ID_BYTES];
    random.nextBytes(bytes);
    return open(HexFormat.of().formatHex(bytes), options, files);
  }

  private Session open(String id, SessionOptions options, Map<String, byte[]> files)
      throws Full, SandboxBusy, NoFile, InterruptedException {
    if (open.size() >= config.maxSessions()) throw new Full(config.maxSessions());
    Session session = virgin(id, options);
    boolean ready = false;
    try {
      for (Map.Entry<String, byte[]> file : files.entrySet())
        session.write(file.getKey(), file.getValue());
      open.put(id, session);
      ready = true;
      return session;
    } catch (Gone e) {
      throw new SandboxBusy("the session ended while it was filled: " + e.getMessage());
    } finally {
      if (!ready) session.close();
    }
  }

  private Session virgin(String id, SessionOptions options)
      throws SandboxBusy, InterruptedException {
    for (int losses = 0; ; losses++) {
      try {
        Jail jail = sandbox.virgin(options.network(), config.queueWait());
        boolean ready = false;
        try {
          long watched = jail.limitMemory((long) options.memoryMb() << 20);
          ready = true;
          return new Session(id, jail, options, watched);
        } finally {
          if (!ready) jail.close();
        }
      } catch (JailLost e) {
        if (losses > config.warm()) throw new SandboxBusy(String.valueOf(e.getMessage()));
      }
    }
  }

  /// The session of a name that the client chose, opened if there is none.
  synchronized Session named(String name, SessionOptions options)
      throws Full, SandboxBusy, NoFile, BadRequest, InterruptedException {
    Session session = open.get(name);
    if (session == null) return open(name, options, Map.of());
    if (!options.network().isEmpty() && !options.network().equals(session.network()))
      throw BadRequest.of("network", "The session is open with another list");
    return session;
  }

  /// @throws Gone it has ended
  Session get(String id) throws Unknown, Gone {
    Session session = open.get(id);
    if (session != null) return session;
    Optional<String> end = end(id);
    if (end.isPresent()) throw new Gone(end.get());
    throw new Unknown(id);
  }

  private Optional<String> end(String id) {
    synchronized (ends) {
      return Optional.ofNullable(ends.get(id));
    }
  }

  List<Session> all() {
    return List.copyOf(open.values());
  }

  int count() {
    return open.size();
  }

  /// Ends a session; false if it was not open.
  boolean close(String id, String why) {
    Session session = open.remove(id);
    if (session == null) return false;
    synchronized (ends) {
      ends.put(id, why);
    }
    session.close();
    return true;
  }

  private void reap() {
    try {
      while (true) {
        Thread.sleep(ROUND);
        Instant now = Instant.now();
        for (Session session : open.values())
          session.overdue(now).ifPresent(why -> close(session.id(), why));
      }
    } catch (InterruptedException e) {
      // Closed.
    } catch (RuntimeException e) {
      LOG.error("a defect of the sandbox: sessions are not reaped any more", e);
    }
  }

  @Override
  public void close() {
    reaper.interrupt();
    for (String id : open.keySet()) close(id, "the sandbox was stopped");
  }
}
