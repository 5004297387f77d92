package dev.turnstone.server.demo;

import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// The demo's three processes. However this process ends, they end: closed here, by the shutdown
/// hook, or by themselves when the pipe to their parent breaks ([DemoChild]).
final class DemoProcesses implements AutoCloseable {
  private static final long INTERRUPT_TRAVELS_MS = 500;

  private final Path logs;
  private final List<DemoProcess> running = new ArrayList<>();
  private final CountDownLatch stopping = new CountDownLatch(1);
  private final Thread hook = new Thread(this::stop, "demo-shutdown");

  DemoProcesses(Path logs) {
    this.logs = logs;
    Runtime.getRuntime().addShutdownHook(hook);
  }

  synchronized DemoProcess start(String name, List<String> command) {
    DemoProcess process = DemoProcess.start(name, logs, command);
    running.add(process);
    return process;
  }

  static int port(String url) {
    return URI.create(url).getPort();
  }

  /// Whether somebody asked this process to stop. Ctrl-C reaches the children, too, so one of them
  /// may be seen dead a moment before this process knows why.
  boolean areStopping() throws InterruptedException {
    return stopping.await(INTERRUPT_TRAVELS_MS, TimeUnit.MILLISECONDS);
  }

  private void stop() {
    stopping.countDown();
    closeAll();
  }

  /// The youngest first: the trainer, the server, the sandbox.
  private synchronized void closeAll() {
    running.reversed().forEach(DemoProcess::close);
    running.clear();
  }

  @Override
  public void close() {
    closeAll();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The hook is what runs: it finds nothing left to do.
    }
  }
}
