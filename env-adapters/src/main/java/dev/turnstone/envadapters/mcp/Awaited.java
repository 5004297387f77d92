package dev.turnstone.envadapters.mcp;

import dev.turnstone.envadapters.peer.Deadline;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// The requests of a wire whose answers come on one stream for all.
final class Awaited {
  private final Map<Object, CompletableFuture<Boolean>> byId = new ConcurrentHashMap<>();
  private final CompletableFuture<McpFailure.Lost> end = new CompletableFuture<>();

  /// Sends a request and waits for the answer with its id.
  void answer(Object id, Sending sending, Deadline deadline)
      throws McpFailure, InterruptedException {
    CompletableFuture<Boolean> arrival = new CompletableFuture<>();
    byId.put(id, arrival);
    try {
      if (end.isDone()) throw lost();
      sending.send();
      CompletableFuture.anyOf(arrival, end)
          .get(deadline.remaining().toNanos(), TimeUnit.NANOSECONDS);
      if (!arrival.isDone()) throw lost();
    } catch (TimeoutException e) {
      throw new McpFailure.TimedOut(deadline.remaining());
    } catch (ExecutionException e) {
      throw new IllegalStateException("nothing completes these futures with an exception", e);
    } finally {
      byId.remove(id);
    }
  }

  void arrived(Object id) {
    CompletableFuture<Boolean> arrival = byId.get(id);
    if (arrival != null) arrival.complete(true);
  }

  /// No answer will come any more.
  void lost(String why) {
    end.complete(new McpFailure.Lost(why, true));
  }

  /// Throws if no answer can come any more.
  void check() throws McpFailure {
    if (end.isDone()) throw lost();
  }

  private McpFailure.Lost lost() {
    return end.getNow(new McpFailure.Lost("is gone"));
  }

  @FunctionalInterface
  interface Sending {
    void send() throws McpFailure, InterruptedException;
  }
}
