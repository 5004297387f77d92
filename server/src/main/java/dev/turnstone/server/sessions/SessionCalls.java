package dev.turnstone.server.sessions;

import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route.Endpoint;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;

/// The calls of a session that run or may be asked for again.
///
/// A retry joins the call it repeats: by an equal `Idempotency-Key`, or by an equal body if the
/// client says that it retries or the call's connection is gone. Two equal calls that are both read
/// are two samples.
final class SessionCalls {
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final Session session;
  private final LongSupplier nanoTime;
  private final List<SharedCall> calls = new ArrayList<>(); // guarded by itself
  private int begun; // guarded by calls

  SessionCalls(Session session, LongSupplier nanoTime) {
    this.session = session;
    this.nanoTime = nanoTime;
  }

  /// Answers a call, or joins the one that it repeats.
  Reply answer(Endpoint endpoint, Call call, String path) throws InterruptedException {
    Optional<String> key = call.header("Idempotency-Key");
    String body = digest(path, call.raw());
    boolean retry = call.header("x-stainless-retry-count").filter(n -> !n.equals("0")).isPresent();
    SharedCall shared;
    synchronized (calls) {
      Optional<SharedCall> known = known(key, body, retry);
      if (known.isEmpty() && session.isClosing()) throw Sessions.closed(session.id());
      shared =
          known.orElseGet(() -> new SharedCall(key, body, new SessionRecorder(session), nanoTime));
      shared.join();
      if (known.isEmpty()) {
        calls.add(shared);
        shared.start("session %s call %d".formatted(session.id(), begun++), endpoint, call);
      }
    }
    return shared.read();
  }

  private Optional<SharedCall> known(Optional<String> key, String body, boolean retry) {
    if (key.isPresent()) {
      Optional<SharedCall> named =
          calls.stream().filter(call -> call.key().equals(key) && call.isJoinable()).findFirst();
      if (named.isPresent() && !named.get().body().equals(body))
        throw Refused.bad(
            "Idempotency-Key %s was sent with another body".formatted(key.get()),
            "Idempotency-Key");
      return named;
    }
    return calls.reversed().stream()
        .filter(SharedCall::isJoinable)
        .filter(call -> call.body().equals(body) && (retry || call.isLost()))
        .findFirst();
  }

  /// The client goes on from a turn, so it has read it: the call that brought it is not asked for
  /// again, and its reply, which is as long as the history, need not wait for that.
  void goneOnFrom(int turn) {
    synchronized (calls) {
      calls.removeIf(call -> call.isOver() && call.recorder().turns().contains(turn));
    }
  }

  /// Gives up calls that nobody has asked for again: one that runs is aborted, and the turns of one
  /// whose connection was lost count only if the client goes on from them.
  void sweep(Duration grace) {
    synchronized (calls) {
      calls.removeIf(call -> {
        if (!call.expired(grace)) return false;
        if (!call.isDone()) {
          call.abort();
          return false;
        }
        if (call.isLost()) call.recorder().turns().forEach(session.record()::discard);
        return true;
      });
    }
  }

  /// Ends the calls that run.
  void abortAll() throws InterruptedException {
    List<SharedCall> running;
    synchronized (calls) {
      running = calls.stream().filter(call -> !call.isDone()).toList();
    }
    running.forEach(SharedCall::abort);
    for (SharedCall call : running) call.awaitDone(PATIENCE);
  }

  int running() {
    synchronized (calls) {
      return (int) calls.stream().filter(call -> !call.isDone()).count();
    }
  }

  /// Calls whose connection is gone and whose retry may come.
  int lost() {
    synchronized (calls) {
      return (int) calls.stream().filter(SharedCall::isLost).count();
    }
  }

  private static String digest(String path, ByteBuffer body) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      sha256.update(path.getBytes(StandardCharsets.UTF_8));
      sha256.update(body.duplicate());
      return HexFormat.of().formatHex(sha256.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
