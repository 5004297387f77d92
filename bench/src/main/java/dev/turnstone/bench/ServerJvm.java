package dev.turnstone.bench;

import java.util.List;

/// The JVM options of a server as the launcher starts it, so that what is measured is what people
/// run.
public final class ServerJvm {
  public static final List<String> OPTIONS =
      List.of("-XX:+UseZGC", "-XX:+UseCompactObjectHeaders", "-Xmx1g");

  private ServerJvm() {}
}
