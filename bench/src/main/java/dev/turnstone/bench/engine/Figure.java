package dev.turnstone.bench.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.MathContext;

/// Something that is measured about an engine.
interface Figure {
  String name();

  /// Measures, and puts what it found under keys that end in their unit.
  void measure(Subject subject, ObjectNode into) throws Exception;

  /// Three digits that count.
  static double rounded(double value) {
    if (!Double.isFinite(value)) throw new IllegalStateException("no figure: " + value);
    return new BigDecimal(value).round(new MathContext(3)).doubleValue();
  }
}
