package dev.turnstone.engine.chat.jinja;

/// A piece of a template's source.
///
/// @param text what it says: data and strings as they are to be read, the rest as written
/// @param line from 1
record Token(Kind kind, String text, int line) {
  enum Kind {
    DATA,
    BLOCK_BEGIN,
    BLOCK_END,
    VARIABLE_BEGIN,
    VARIABLE_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  boolean isName(String name) {
    return kind == Kind.NAME && text.equals(name);
  }

  boolean isOperator(String operator) {
    return kind == Kind.OPERATOR && text.equals(operator);
  }

  /// For error messages.
  String shown() {
    return switch (kind) {
      case DATA -> "template text";
      case BLOCK_BEGIN -> "'{%'";
      case BLOCK_END -> "'%}'";
      case VARIABLE_BEGIN -> "'{{'";
      case VARIABLE_END -> "'}}'";
      case END -> "the end of the template";
      case STRING -> "a string";
      case NAME, INTEGER, FLOAT, OPERATOR -> "'" + text + "'";
    };
  }
}
