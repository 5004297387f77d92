package dev.turnstone.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/// Measures one thing.
public interface Benchmark {
  String name();

  /// What it measures and which arguments it takes, in one line.
  String summary();

  /// Runs to its end.
  ///
  /// @return figures whose names end in their unit
  /// @throws IllegalArgumentException with one sentence, if the arguments cannot be
  ObjectNode run(List<String> arguments) throws Exception;
}
