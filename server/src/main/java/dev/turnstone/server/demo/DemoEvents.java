package dev.turnstone.server.demo;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/// A run's events, from the thread that reads them to the demo's own. What does not fit is lost, as
/// it is with any slow watcher: the demo asks for what it must not miss.
final class DemoEvents implements AutoCloseable {
  private static final int BOUND = 10_000;
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final BlockingQueue<DemoClient.Event> queue = new LinkedBlockingQueue<>(BOUND);
  private final CountDownLatch listening = new CountDownLatch(1);
  private final AtomicReference<Optional<String>> failure = new AtomicReference<>(Optional.empty());
  private final Thread reader;

  private DemoEvents(DemoClient client, String run) {
    reader = Thread.ofVirtual().name("demo-events").unstarted(() -> read(client, run));
  }

  /// Returns once the server sends what happens.
  static DemoEvents of(DemoClient client, String run) throws InterruptedException {
    DemoEvents events = new DemoEvents(client, run);
    events.reader.start();
    if (!events.listening.await(PATIENCE.toSeconds(), TimeUnit.SECONDS))
      throw new DemoFailure("the server sends no events of the run " + run);
    events.checkReader();
    return events;
  }

  private void read(DemoClient client, String run) {
    try {
      client.watch(run, listening::countDown, event -> queue.offer(event));
    } catch (IOException | DemoFailure e) {
      failure.set(
          Optional.of(
              "the events of the run %s broke off: %s"
                  .formatted(
                      run, Objects.requireNonNullElse(e.getMessage(), "the server is gone"))));
    } finally {
      listening.countDown();
    }
  }

  /// What has happened; waits up to `patience` for the first of it.
  List<DemoClient.Event> take(Duration patience) throws InterruptedException {
    List<DemoClient.Event> events = new ArrayList<>();
    DemoClient.Event first = queue.poll(patience.toMillis(), TimeUnit.MILLISECONDS);
    if (first == null) {
      checkReader();
      return events;
    }
    events.add(first);
    queue.drainTo(events);
    return events;
  }

  private void checkReader() {
    failure
        .get()
        .ifPresent(why -> {
          throw new DemoFailure(why);
        });
  }

  @Override
  public void close() {
    reader.interrupt();
  }
}
