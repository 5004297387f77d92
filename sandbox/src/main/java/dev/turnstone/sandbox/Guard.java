package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.SelfTest.Report;
import dev.turnstone.sandbox.jail.SandboxException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Repeats the self-test while the sandbox serves, and stops programs from running while the last
/// one failed.
final class Guard implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Guard.class);

  /// A test as the guard sees it.
  interface Test {
    Report run() throws SandboxException;
  }

  private final Test test;
  private final Duration every;
  private final Thread thread;
  private volatile Report last;

  /// @param first of the test that has just passed
  Guard(Test test, Report first, Duration every) {
    this.test = test;
    this.last = first;
    this.every = every;
    this.thread = Thread.ofVirtual().name("self-test").start(this::repeat);
  }

  /// @throws Endpoints.Unsafe the last test failed
  void check() throws Endpoints.Unsafe {
    Report report = last;
    if (!report.passed())
      throw new Endpoints.Unsafe(
          "The sandbox runs nothing, because programs would not be isolated: " + report.failures());
  }

  boolean passed() {
    return last.passed();
  }

  ObjectNode json() {
    return last.json();
  }

  private void repeat() {
    try {
      while (true) {
        Thread.sleep(every);
        once();
      }
    } catch (InterruptedException e) {
      // Closed.
    }
  }

  private void once() {
    Report report;
    try {
      report = test.run();
    } catch (SandboxException e) {
      report = new Report(Instant.now(), Map.of("start", List.of(String.valueOf(e.getMessage()))));
    }
    if (Thread.currentThread().isInterrupted()) return;
    if (!report.passed()) LOG.error("the self-test failed: {}", report.failures());
    else if (!last.passed()) LOG.info("the self-test passes again");
    last = report;
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
