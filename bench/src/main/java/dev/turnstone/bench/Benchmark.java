package dev.turnstone.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;

/// One measurement that compares its variants within one run.
interface Benchmark {
  String description();

  /// Measures once.
  ///
  /// @param home Turnstone's folder
  ObjectNode run(Path home) throws Exception;
}
