package dev.turnstone.rollout.session;

import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Makes the rows of a session's turns. Used once.
final class Rows {
  private final boolean rewritesHistory;
  private final Set<Node> trained = new HashSet<>();

  Rows(boolean rewritesHistory) {
    this.rewritesHistory = rewritesHistory;
  }

  List<Row> of(List<Node> turns) {
    List<Row> rows = new ArrayList<>();
    for (Node node : turns)
      if (isLast(node, turns)) rows.add(row(rows.size(), List.copyOf(node.path())));
    return rows;
  }

  /// A discarded turn leaves the turn before it to be the last, if nothing else follows that.
  private static boolean isLast(Node node, List<Node> turns) {
    if (node.discarded) return false;
    if (!node.inner) return true;
    return turns.stream()
        .filter(child -> child.parent.filter(p -> p == node).isPresent())
        .allMatch(child -> child.discarded);
  }

  private Row row(int branch, List<Node> path) {
    int length = path.getLast().length;
    int[] ids = new int[length];
    float[] logprobs = new float[length];
    BitSet mask = new BitSet(length);
    var versions = new RunLength.Builder<Integer>();
    var turns = new RunLength.Builder<Integer>();
    var temperatures = new RunLength.Builder<Float>();
    int at = 0;
    for (Node node : path) {
      int observed = node.observed.size();
      at = node.observed.copyTo(ids, at);
      versions.add(observed, Row.NOT_SAMPLED);
      turns.add(observed, Row.NOT_SAMPLED);
      temperatures.add(observed, 0f);

      int sampled = node.generation.ids().size();
      if (trained.add(node) && !node.sampling.greedy()) mask.set(at, at + sampled);
      node.generation.logprobs().copyTo(logprobs, at);
      at = node.generation.ids().copyTo(ids, at);
      versions.addAll(node.generation.versions());
      turns.add(sampled, node.number);
      temperatures.add(sampled, (float) node.sampling.temperature());
    }
    return new Row(
        branch,
        Tokens.of(ids),
        mask,
        Logprobs.roundedToZero(logprobs),
        versions.build(),
        turns.build(),
        temperatures.build(),
        path.getLast().generation.lineage(),
        sampler(path),
        path.getFirst().observed.size(),
        List.copyOf(flags(path)));
  }

  /// How the first turn was sampled whose log-probabilities its temperature alone does not explain.
  private static Optional<Sampling> sampler(List<Node> path) {
    return path.stream()
        .filter(node -> !node.sampling.plain() || node.generation.constrained())
        .map(node -> node.sampling)
        .findFirst();
  }

  private Set<String> flags(List<Node> path) {
    Set<String> flags = new TreeSet<>();
    for (Node node : path) {
      if (node.generation.mixedKv()) flags.add(Row.MIXED_KV);
      if (node.generation.constrained()) flags.add(Row.CONSTRAINED);
      if (node.sampling.greedy()) flags.add(Row.GREEDY);
      if (node.match.kind() != Match.Kind.CLEAN) flags.add(node.match.flag());
    }
    if (rewritesHistory && path.size() > 1) flags.add(Row.TEMPLATE_DIVERGED);
    return flags;
  }
}
