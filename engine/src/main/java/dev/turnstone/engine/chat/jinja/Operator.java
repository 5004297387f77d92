package dev.turnstone.engine.chat.jinja;

/// An arithmetic operator.
enum Operator {
  ADD("+"),
  SUBTRACT("-"),
  MULTIPLY("*"),
  DIVIDE("/"),
  FLOOR_DIVIDE("//"),
  MODULO("%"),
  POWER("**");

  final String symbol;

  Operator(String symbol) {
    this.symbol = symbol;
  }

  static Operator of(String symbol) {
    for (Operator operator : values()) if (operator.symbol.equals(symbol)) return operator;
    throw new IllegalArgumentException("no operator " + symbol);
  }
}
