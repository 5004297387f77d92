package dev.turnstone.bench.gateway;

import java.io.IOException;

/// The figures of a server's `/metrics`.
record Scrape(String text) {
  static Scrape of(int port) throws IOException {
    try (PlainHttp http = new PlainHttp(port, "")) {
      return new Scrape(http.get("/metrics").ok());
    }
  }

  /// The value of the first line that begins with `name`.
  double value(String name) {
    for (String line : text.split("\n", -1))
      if (line.startsWith(name))
        return Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1));
    throw new IllegalStateException("no " + name + " in /metrics");
  }

  /// How late an event loop or a virtual thread ran in the last seconds, whichever is more.
  double delayMillis() {
    return 1e3
        * Math.max(
            value("turnstone_event_loop_delay_recent_seconds"),
            value("turnstone_scheduling_delay_recent_seconds"));
  }
}
