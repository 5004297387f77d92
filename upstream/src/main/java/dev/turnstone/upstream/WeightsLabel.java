package dev.turnstone.upstream;

import dev.turnstone.rollout.WeightsId;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What an engine is told to call its weights, `LINEAGE/VERSION/SHA256`, so that every server that
/// shares the engine can tell which weights sample: engines say it of each generation.
///
/// While a server brings weights they are called `loading/…/SECONDS`, which is no version's name;
/// after [#ABANDONED] the server that wrote it is taken for dead.
///
/// @param sha256 its first twelve digits
record WeightsLabel(String lineage, int version, String sha256) {
  /// What weights are called that nobody may use as they are.
  static final String NONE = "none";

  private static final Duration ABANDONED = Duration.ofMinutes(10);
  private static final int DIGITS = 12;
  private static final Pattern SERVING = Pattern.compile("(.+)/(\\d{1,9})/([0-9a-f]{12})");
  private static final Pattern LOADING = Pattern.compile("loading/.+/(\\d{1,12})");

  static WeightsLabel of(WeightsId id) {
    return new WeightsLabel(id.lineage(), id.version(), id.sha256().substring(0, DIGITS));
  }

  /// Reads what an engine says; empty if no server wrote it.
  static Optional<WeightsLabel> parse(String text) {
    Matcher serving = SERVING.matcher(text);
    if (text.startsWith("loading/") || !serving.matches()) return Optional.empty();
    return Optional.of(
        new WeightsLabel(serving.group(1), Integer.parseInt(serving.group(2)), serving.group(3)));
  }

  /// Whether a server wrote it.
  static boolean written(String text) {
    return text.equals(NONE) || LOADING.matcher(text).matches() || parse(text).isPresent();
  }

  /// The name while these are being brought.
  String loading(long seconds) {
    return "loading/%s/%d".formatted(this, seconds);
  }

  /// Whether a name says that a server is bringing weights just now.
  static boolean underWay(String text, long seconds) {
    Matcher loading = LOADING.matcher(text);
    return loading.matches()
        && Math.abs(seconds - Long.parseLong(loading.group(1))) < ABANDONED.toSeconds();
  }

  boolean newerThan(WeightsId id) {
    return lineage.equals(id.lineage()) && version > id.version();
  }

  @Override
  public String toString() {
    return lineage + "/" + version + "/" + sha256;
  }
}
