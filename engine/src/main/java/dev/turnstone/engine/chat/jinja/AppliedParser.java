package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/// Reads what is applied to a value: attributes, subscripts, calls, filters and tests.
final class AppliedParser {
  private static final Expression NONE = new Expression.Constant(Values.NONE);

  private final TokenCursor cursor;
  private final ExpressionParser expressions;
  private final PrimaryParser primary;

  AppliedParser(TokenCursor cursor, ExpressionParser expressions, PrimaryParser primary) {
    this.cursor = cursor;
    this.expressions = expressions;
    this.primary = primary;
  }

  /// `.a`, `[b]` and `(c)` after a value.
  Expression postfix(Expression start) {
    Expression value = start;
    int level = cursor.sink();
    while (true) {
      if (cursor.skipOperator(".")) value = attribute(value);
      else if (cursor.skipOperator("[")) value = subscript(value);
      else if (cursor.current().isOperator("(")) value = call(value);
      else break;
      cursor.sink();
    }
    cursor.rise(level);
    return value;
  }

  private Expression attribute(Expression target) {
    if (cursor.is(Kind.NAME)) return new Expression.Attribute(target, cursor.next().text());
    if (cursor.is(Kind.INTEGER)) return new Expression.Item(target, primary.number());
    throw cursor.unexpected("a name or number after '.'");
  }

  private Expression subscript(Expression target) {
    Expression start = cursor.current().isOperator(":") ? NONE : expressions.expression();
    if (cursor.current().isOperator(",")) return tupleKey(target, start);
    if (cursor.skipOperator("]")) return new Expression.Item(target, start);
    if (!cursor.skipOperator(":")) throw cursor.unexpected("']' or ':' in a subscript");
    Expression stop = bound();
    Expression step = cursor.skipOperator(":") ? bound() : NONE;
    cursor.expectOperator("]");
    return new Expression.Slice(target, start, stop, step);
  }

  private Expression tupleKey(Expression target, Expression first) {
    List<Expression> parts = new ArrayList<>(List.of(first));
    while (cursor.skipOperator(",") && !cursor.current().isOperator("]"))
      parts.add(expressions.expression());
    cursor.expectOperator("]");
    return new Expression.Item(target, new Expression.Items(parts, true));
  }

  private Expression bound() {
    boolean absent = cursor.current().isOperator(":") || cursor.current().isOperator("]");
    return absent ? NONE : expressions.expression();
  }

  private Expression call(Expression callee) {
    if (callee instanceof Expression.Attribute method && Methods.isUnsupported(method.name()))
      throw cursor.fail("the method '" + method.name() + "' is not supported");
    if (callee instanceof Expression.Name function && Globals.UNSUPPORTED.contains(function.name()))
      throw cursor.fail("the function '" + function.name() + "' is not supported");
    return new Expression.Call(callee, arguments());
  }

  private CallArguments arguments() {
    cursor.expectOperator("(");
    List<Expression> positional = new ArrayList<>();
    List<Map.Entry<String, Expression>> named = new ArrayList<>();
    Set<String> names = new HashSet<>();
    Optional<Expression> spread = Optional.empty();
    Optional<Expression> spreadNamed = Optional.empty();
    while (!cursor.skipOperator(")")) {
      if (spreadNamed.isPresent()) throw cursor.fail("nothing may follow ** in a call");
      if (cursor.skipOperator("*")) {
        if (spread.isPresent()) throw cursor.fail("* twice in a call");
        spread = Optional.of(expressions.expression());
      } else if (cursor.skipOperator("**")) {
        spreadNamed = Optional.of(expressions.expression());
      } else if (cursor.is(Kind.NAME) && cursor.following().isOperator("=")) {
        String name = cursor.next().text();
        if (!names.add(name)) throw cursor.fail("keyword argument repeated: " + name);
        cursor.next();
        named.add(Map.entry(name, expressions.expression()));
      } else if (named.isEmpty() && spread.isEmpty()) {
        positional.add(expressions.expression());
      } else {
        throw cursor.fail("a positional argument follows a keyword argument");
      }
      if (!cursor.skipOperator(",") && !cursor.current().isOperator(")"))
        throw cursor.unexpected("',' or ')' in a call");
    }
    return new CallArguments(positional, named, spread, spreadNamed);
  }

  Expression filters(Expression start) {
    Expression value = start;
    int level = cursor.sink();
    while (true) {
      if (cursor.skipOperator("|")) value = filter().apply(value);
      else if (cursor.skipName("is")) value = test(value);
      else if (cursor.current().isOperator("(")) value = call(value);
      else break;
      cursor.sink();
    }
    cursor.rise(level);
    return value;
  }

  /// A filter by its name and arguments, without its value.
  UnaryOperator<Expression> filter() {
    String name = dottedName("a filter");
    Filters.Filter filter =
        Filters.find(name)
            .orElseThrow(() -> cursor.fail("the filter '" + name + "' is not supported"));
    CallArguments arguments = cursor.current().isOperator("(") ? arguments() : CallArguments.NONE;
    return value -> new Expression.Filtered(value, filter, arguments);
  }

  private String dottedName(String of) {
    StringBuilder name = new StringBuilder();
    do
      name.append(name.isEmpty() ? "" : ".")
          .append(cursor.expect(Kind.NAME, "the name of " + of).text());
    while (cursor.skipOperator("."));
    return name.toString();
  }

  private Expression test(Expression value) {
    boolean negated = cursor.skipName("not");
    String name = dottedName("a test");
    Tests.Test test =
        Tests.find(name).orElseThrow(() -> cursor.fail("the test '" + name + "' is not supported"));
    CallArguments arguments = CallArguments.NONE;
    if (cursor.current().isOperator("(")) arguments = arguments();
    else if (startsArgument()) {
      if (cursor.current().isName("is")) throw cursor.fail("tests with 'is' cannot be chained");
      arguments =
          new CallArguments(
              List.of(postfix(primary.read())), List.of(), Optional.empty(), Optional.empty());
    }
    Expression tested = new Expression.Tested(value, test, arguments);
    return negated ? new Expression.Not(tested) : tested;
  }

  private boolean startsArgument() {
    Token token = cursor.current();
    return switch (token.kind()) {
      case STRING, INTEGER, FLOAT -> true;
      case NAME -> !token.isName("else") && !token.isName("or") && !token.isName("and");
      case OPERATOR -> token.isOperator("[") || token.isOperator("{");
      default -> false;
    };
  }
}
