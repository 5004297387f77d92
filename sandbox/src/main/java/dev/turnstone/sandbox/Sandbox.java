package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.egress.AllowList;
import dev.turnstone.sandbox.jail.Jail;
import dev.turnstone.sandbox.jail.JailLost;
import dev.turnstone.sandbox.jail.JailPool;
import dev.turnstone.sandbox.jail.Jails;
import dev.turnstone.sandbox.jail.SandboxException;
import java.time.Duration;
import java.util.Optional;

/// Runs programs in jails: waits for a place, takes a virgin jail, runs, kills it.
final class Sandbox implements AutoCloseable {
  /// Jails that may be lost before a request gives up: more than wait in the pool, since what
  /// killed one may have killed all.
  private static final int LOSSES = 2;

  private final SandboxConfig config;
  private final Jails jails;
  private final JailPool pool;
  private final Places places;
  private final Languages languages;
  private final GoCache goCache;

  Sandbox(SandboxConfig config, Jails jails, Languages languages) {
    this.config = config;
    this.jails = jails;
    this.languages = languages;
    this.goCache = new GoCache(jails);
    this.pool = new JailPool(jails, config.warm());
    this.places = new Places(config.concurrency(), config.maxWaiting(), config.queueWait());
  }

  Languages languages() {
    return languages;
  }

  Jails jails() {
    return jails;
  }

  Places places() {
    return places;
  }

  /// What came of a request, and how long it waited for its turn.
  record Ran<T>(T result, Duration waited) {
    /// The reply with a header that tells the wait.
    Reply reply(JsonNode json) {
      return Reply.ok(json).with("x-queue-ms", Double.toString(waited.toNanos() / 1e6));
    }
  }

  /// What is done with a jail.
  private interface Work<T> {
    T in(Jail jail) throws JailLost, InterruptedException;
  }

  /// Runs one program. Blocks; interrupting the caller kills the program.
  Ran<RunResponse> run(RunRequest request) throws SandboxBusy, InterruptedException {
    if (request.language().label().equals("go")) goCache.await(config.queueWait());
    Ran<Optional<RunResponse>> ran =
        inPlace(request.network(), jail -> new ProgramRun(request, jail).run());
    return new Ran<>(ran.result().orElseGet(() -> RunResponse.sandboxError(LOST)), ran.waited());
  }

  /// Runs cells. Blocks; interrupting the caller kills their process.
  Ran<ObjectNode> run(JupyterRequest request) throws SandboxBusy, InterruptedException {
    Ran<Optional<ObjectNode>> ran =
        inPlace(request.network(), jail -> new NotebookRun(request, jail).run());
    return new Ran<>(ran.result().orElseGet(() -> NotebookRun.error(LOST)), ran.waited());
  }

  private static final String LOST =
      "jails were lost before the program started, again and again: the machine may be out of"
          + " memory, see the sandbox's log";

  private <T> Ran<Optional<T>> inPlace(AllowList network, Work<T> work)
      throws SandboxBusy, InterruptedException {
    long deadline = System.nanoTime() + config.queueWait().toNanos();
    try (Places.Place place = places.take()) {
      pool.began();
      try {
        return new Ran<>(inJail(network, work, deadline), place.waited());
      } finally {
        pool.ended();
      }
    }
  }

  private <T> Optional<T> inJail(AllowList network, Work<T> work, long deadline)
      throws SandboxBusy, InterruptedException {
    for (int losses = 0; losses < config.warm() + LOSSES; losses++) {
      Duration left = Duration.ofNanos(Math.max(deadline - System.nanoTime(), 1_000_000_000L));
      try {
        Jail jail = virgin(network, left);
        try {
          return Optional.of(work.in(jail));
        } finally {
          pool.retire(jail);
        }
      } catch (JailLost e) {
        // The next one may fare better.
      }
    }
    return Optional.empty();
  }

  /// A jail in which nothing has run, which the caller must close. One with a network is made for
  /// the caller.
  Jail virgin(AllowList network, Duration wait) throws SandboxBusy, JailLost, InterruptedException {
    if (!network.isEmpty()) return jails.open(network);
    return pool.take(wait)
        .orElseThrow(() -> new SandboxBusy("no jail became ready, see the sandbox's log"));
  }

  /// Kills all programs and jails.
  @Override
  public void close() throws SandboxException {
    goCache.close();
    pool.close();
    jails.close();
  }
}
