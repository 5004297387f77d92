package dev.turnstone.sandbox.jail;

import java.io.Closeable;
import java.io.InputStream;
import java.io.OutputStream;

/// The way to one worker. Closing it ends the worker and with it every process of its jail.
interface Link extends Closeable {
  InputStream in();

  OutputStream out();

  /// False once the worker is known to have ended.
  boolean alive();

  /// Kills the worker, as this link's other end counts processes.
  void kill(long pid);

  @Override
  void close();
}
