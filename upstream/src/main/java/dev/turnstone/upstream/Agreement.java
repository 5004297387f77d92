package dev.turnstone.upstream;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Which engines have really taken new weights, told from what each answers under them: the largest
/// set of engines that agree is right. One of them that answers to the last bit as before has not
/// loaded anything, if others changed or the weights are known to differ.
final class Agreement {
  private Agreement() {}

  /// Adds a sentence for each engine that is not right.
  ///
  /// @param before what engines answered under the old weights, as far as it is known
  /// @param otherBytes whether the new weights are known to differ from the old ones
  static void judge(
      Map<UpstreamEngine, Fingerprint> before,
      Map<UpstreamEngine, Fingerprint> after,
      Map<UpstreamEngine, String> failed,
      boolean otherBytes) {
    boolean changed =
        otherBytes
            || after.entrySet().stream()
                .anyMatch(one -> !one.getValue().equals(before.get(one.getKey())));
    List<UpstreamEngine> right = List.of();
    for (Fingerprint one : after.values()) {
      List<UpstreamEngine> agree = new ArrayList<>();
      after.forEach((engine, print) -> {
        if (one.agrees(print) && !(changed && print.equals(before.get(engine)))) agree.add(engine);
      });
      if (agree.size() > right.size()) right = agree;
    }
    for (UpstreamEngine engine : after.keySet())
      if (!right.contains(engine))
        failed.putIfAbsent(
            engine,
            after.get(engine).equals(before.get(engine))
                ? "its log-probabilities are what they were before"
                : "its log-probabilities are not those of the other engines");
  }
}
