package dev.turnstone.sandbox.jail;

import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.atomic.AtomicBoolean;

/// A worker at the other end of a process's pipes.
final class PipeLink implements Link {
  private final Process process;
  private final Runnable end;
  private final AtomicBoolean ended = new AtomicBoolean();

  /// @param end what else has to be done once the process was killed
  PipeLink(Process process, Runnable end) {
    this.process = process;
    this.end = end;
  }

  @Override
  public InputStream in() {
    return process.getInputStream();
  }

  @Override
  public OutputStream out() {
    return process.getOutputStream();
  }

  @Override
  public boolean alive() {
    return process.isAlive();
  }

  @Override
  public void kill(long pid) {
    process.toHandle().destroyForcibly();
  }

  @Override
  public void close() {
    process.toHandle().destroyForcibly();
    if (ended.compareAndSet(false, true)) end.run();
  }
}
