package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Reads names, literals and what stands in brackets.
final class PrimaryParser {
  private final TokenCursor cursor;
  private final ExpressionParser expressions;
  private Set<String> names = new HashSet<>();

  PrimaryParser(TokenCursor cursor, ExpressionParser expressions) {
    this.cursor = cursor;
    this.expressions = expressions;
  }

  Set<String> takeNames() {
    Set<String> taken = names;
    names = new HashSet<>();
    return taken;
  }

  void addNames(Set<String> more) {
    names.addAll(more);
  }

  Expression read() {
    Token token = cursor.current();
    return switch (token.kind()) {
      case NAME -> name();
      case STRING -> string();
      case INTEGER, FLOAT -> number();
      case OPERATOR ->
          switch (token.text()) {
            case "(" -> parentheses();
            case "[" -> list();
            case "{" -> dict();
            default -> throw cursor.unexpected("an expression");
          };
      default -> throw cursor.unexpected("an expression");
    };
  }

  private Expression name() {
    String name = cursor.next().text();
    return switch (name) {
      case "true", "True" -> new Expression.Constant(Values.TRUE);
      case "false", "False" -> new Expression.Constant(Values.FALSE);
      case "none", "None" -> new Expression.Constant(Values.NONE);
      default -> {
        names.add(name);
        yield new Expression.Name(name);
      }
    };
  }

  /// Strings that follow each other are one.
  private Expression string() {
    StringBuilder text = new StringBuilder();
    while (cursor.is(Kind.STRING)) text.append(cursor.next().text());
    return new Expression.Constant(Values.of(text.toString()));
  }

  Expression number() {
    Token token = cursor.next();
    if (token.kind() == Kind.FLOAT)
      return new Expression.Constant(
          new Value.Real(Double.parseDouble(token.text().replace("_", ""))));
    return new Expression.Constant(
        Lexer.wholeNumber(token.text(), 0)
            .map(Value.Int::new)
            .orElseThrow(() -> cursor.fail("the number " + token.text() + " is too long")));
  }

  private Expression parentheses() {
    cursor.expectOperator("(");
    if (cursor.skipOperator(")")) return new Expression.Items(List.of(), true);
    Expression inside = expressions.tuple(true, () -> cursor.current().isOperator(")"));
    cursor.expectOperator(")");
    return inside;
  }

  private Expression list() {
    cursor.expectOperator("[");
    List<Expression> items = new ArrayList<>();
    while (!cursor.skipOperator("]")) {
      items.add(expressions.expression());
      separated("]");
    }
    return new Expression.Items(items, false);
  }

  private Expression dict() {
    cursor.expectOperator("{");
    List<Map.Entry<Expression, Expression>> entries = new ArrayList<>();
    while (!cursor.skipOperator("}")) {
      Expression key = expressions.expression();
      cursor.expectOperator(":");
      entries.add(Map.entry(key, expressions.expression()));
      separated("}");
    }
    return new Expression.Entries(entries);
  }

  private void separated(String end) {
    if (!cursor.skipOperator(",") && !cursor.current().isOperator(end))
      throw cursor.unexpected("',' or '" + end + "'");
  }
}
