package dev.turnstone.server;

import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/// SIGTERM and SIGINT: the first asks to stop, the second stops at once.
///
/// The JDK's own handler gives no second chance once shutdown has begun, and its public class for
/// signals is one that the compiler warns of; hence the reflection.
final class Signals {
  private static final int KILLED = 128 + 15;

  private final CountDownLatch asked = new CountDownLatch(1);

  private Signals() {}

  static Signals install() {
    Signals signals = new Signals();
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object proxy =
          Proxy.newProxyInstance(
              Signals.class.getClassLoader(),
              new Class<?>[] {handler},
              (self, method, arguments) -> {
                if (method.getName().equals("handle")) signals.received();
                return null;
              });
      for (String name : List.of("TERM", "INT"))
        signal
            .getMethod("handle", signal, handler)
            .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
      return signals;
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("this JDK has no signals", e);
    }
  }

  private void received() {
    if (asked.getCount() == 0) Runtime.getRuntime().halt(KILLED);
    asked.countDown();
  }

  /// Blocks until somebody asks to stop.
  void await() throws InterruptedException {
    asked.await();
  }
}
