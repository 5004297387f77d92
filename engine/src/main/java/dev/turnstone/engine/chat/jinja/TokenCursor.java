package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Token.Kind;
import java.util.List;

/// A place in a template's tokens, which parsers move forward.
final class TokenCursor {
  /// Brackets, operators and blocks inside each other that a template may have.
  private static final int NESTING = 200;

  private final List<Token> tokens;
  private int at;
  private int depth;

  TokenCursor(List<Token> tokens) {
    this.tokens = tokens;
  }

  Token current() {
    return tokens.get(at);
  }

  Token following() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  int line() {
    return current().line();
  }

  Token next() {
    Token token = current();
    if (token.kind() != Kind.END) at++;
    return token;
  }

  boolean is(Kind kind) {
    return current().kind() == kind;
  }

  boolean skipOperator(String operator) {
    boolean found = current().isOperator(operator);
    if (found) at++;
    return found;
  }

  boolean skipName(String name) {
    boolean found = current().isName(name);
    if (found) at++;
    return found;
  }

  Token expect(Kind kind, String what) {
    if (!is(kind)) throw unexpected(what);
    return next();
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) throw unexpected("'" + operator + "'");
  }

  TemplateException unexpected(String expected) {
    return fail("expected " + expected + ", got " + current().shown());
  }

  TemplateException fail(String sentence) {
    return TemplateException.syntax(line(), sentence);
  }

  /// Goes one level down in the tree that is being made; [#rise] goes back up.
  int sink() {
    if (depth == NESTING) throw fail("the template is nested more than " + NESTING + " deep");
    return depth++;
  }

  void rise(int level) {
    depth = level;
  }
}
