package dev.turnstone.server.http;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/// Frames to the client of one response.
final class ResponseTarget implements EventStream.Target {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final HttpServerResponse response;
  private final Semaphore drained = new Semaphore(0);
  private volatile boolean gone;

  ResponseTarget(HttpServerResponse response) {
    this.response = response;
    response.drainHandler(v -> drained.release());
  }

  void markGone() {
    gone = true;
    drained.release();
  }

  @Override
  public void write(String frame) throws InterruptedException, EventStream.Gone {
    while (!gone && response.writeQueueFull())
      if (!drained.tryAcquire(PATIENCE.toSeconds(), TimeUnit.SECONDS))
        throw new EventStream.Gone("the client has not read for " + PATIENCE.toSeconds() + " s");
    if (gone) throw new EventStream.Gone("the client closed the connection");
    var _ = response.write(Buffer.buffer(frame));
  }
}
