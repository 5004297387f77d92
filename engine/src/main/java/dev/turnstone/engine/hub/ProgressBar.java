package dev.turnstone.engine.hub;

import java.io.PrintStream;
import java.util.Locale;

/// A download on a terminal: one line per file that fills up; without a terminal a line when it
/// begins and one when it is whole. One thread.
public final class ProgressBar implements Progress {
  private static final int WIDTH = 24;
  private static final long EVERY_NANOS = 200_000_000;

  private final PrintStream out;
  private final boolean terminal;
  private String current = "";
  private long started;
  private long startedAt;
  private long shown;

  /// @param terminal whether a line may be written over
  public ProgressBar(PrintStream out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  @Override
  public void at(String file, long bytes, long of) {
    long now = System.nanoTime();
    boolean first = !file.equals(current);
    if (first) {
      current = file;
      started = now;
      startedAt = bytes;
      if (!terminal && bytes < of) out.printf("downloading %s, %s%n", file, size(of));
    }
    boolean whole = bytes >= of;
    if (!terminal) {
      if (whole) out.printf("%s is here%n", file);
      return;
    }
    if (!first && !whole && now - shown < EVERY_NANOS) return;
    shown = now;
    int filled = of == 0 ? WIDTH : (int) (WIDTH * bytes / of);
    double seconds = Math.max(1e-9, (now - started) / 1e9);
    out.printf(
        "\r%-36.36s %s%s %9s of %9s %9s/s ",
        file,
        "█".repeat(filled),
        "░".repeat(WIDTH - filled),
        size(bytes),
        size(of),
        size((long) ((bytes - startedAt) / seconds)));
    if (whole) out.println();
    out.flush();
  }

  private static String size(long bytes) {
    if (bytes < 1_000_000) return String.format(Locale.ROOT, "%.1f kB", bytes / 1e3);
    if (bytes < 1_000_000_000) return String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
    return String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
  }
}
