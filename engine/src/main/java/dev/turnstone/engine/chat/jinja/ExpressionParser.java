package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Expression.CallArguments;
import dev.turnstone.engine.chat.jinja.Expression.Comparison.Operand;
import dev.turnstone.engine.chat.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/// Reads expressions, with jinja2's precedence: `if`, `or`, `and`, `not`, comparison, `+ -`, `~`,
/// `* / // %`, `**`, sign, then filters and tests.
final class ExpressionParser {
  private static final Expression NONE = new Expression.Constant(Values.NONE);
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

  private final TokenCursor cursor;
  private final PrimaryParser primary;

  ExpressionParser(TokenCursor cursor) {
    this.cursor = cursor;
    this.primary = new PrimaryParser(cursor, this);
  }

  /// The names read since the last call.
  Set<String> takeNames() {
    return primary.takeNames();
  }

  void addNames(Set<String> names) {
    primary.addNames(names);
  }

  Expression expression() {
    int level = cursor.sink();
    Expression value = or();
    while (cursor.skipName("if")) {
      cursor.sink();
      Expression condition = or();
      Optional<Expression> otherwise =
          cursor.skipName("else") ? Optional.of(expression()) : Optional.empty();
      value = new Expression.Conditional(condition, value, otherwise);
    }
    cursor.rise(level);
    return value;
  }

  /// An expression, or several with commas between: a tuple.
  ///
  /// @param conditional whether `a if b` may be read; not where `if` filters a loop
  /// @param end what may stand after the last comma
  Expression tuple(boolean conditional, BooleanSupplier end) {
    List<Expression> items = new ArrayList<>();
    while (true) {
      if (!items.isEmpty() && end.getAsBoolean()) break;
      items.add(conditional ? expression() : or());
      if (cursor.skipOperator(",")) continue;
      if (items.size() == 1) return items.getFirst();
      return new Expression.Items(items, true);
    }
    return new Expression.Items(items, true);
  }

  Expression or() {
    return chain(() -> cursor.skipName("or"), this::and, Expression.Or::new);
  }

  private Expression and() {
    return chain(() -> cursor.skipName("and"), this::not, Expression.And::new);
  }

  private interface Joined {
    Expression of(Expression left, Expression right);
  }

  /// `a op b op c`, joined from the left.
  private Expression chain(BooleanSupplier operator, Supplier<Expression> operand, Joined joined) {
    Expression left = operand.get();
    int links = 0;
    while (operator.getAsBoolean()) {
      if (++links > 1000) throw cursor.fail("an expression has more than 1000 operators in a row");
      left = joined.of(left, operand.get());
    }
    return left;
  }

  private Expression not() {
    if (!cursor.current().isName("not")) return comparison();
    cursor.next();
    int level = cursor.sink();
    Expression operand = not();
    cursor.rise(level);
    return new Expression.Not(operand);
  }

  private Expression comparison() {
    Expression first = sum();
    List<Operand> rest = new ArrayList<>();
    while (true) {
      Token token = cursor.current();
      if (token.kind() == Kind.OPERATOR && COMPARISONS.contains(token.text())) {
        cursor.next();
        rest.add(operand(token.text(), false));
      } else if (cursor.skipName("in")) {
        rest.add(operand("in", false));
      } else if (token.isName("not") && cursor.following().isName("in")) {
        cursor.next();
        cursor.next();
        rest.add(operand("in", true));
      } else {
        return rest.isEmpty() ? first : new Expression.Comparison(first, rest);
      }
    }
  }

  private Operand operand(String test, boolean negated) {
    return new Operand(Tests.find(test).orElseThrow(), negated, sum());
  }

  private Expression sum() {
    return arithmetic(Set.of("+", "-"), this::concatenation);
  }

  private Expression concatenation() {
    Expression first = product();
    if (!cursor.current().isOperator("~")) return first;
    List<Expression> parts = new ArrayList<>(List.of(first));
    while (cursor.skipOperator("~")) parts.add(product());
    return new Expression.Concatenation(parts);
  }

  private Expression product() {
    return arithmetic(Set.of("*", "/", "//", "%"), this::power);
  }

  private Expression power() {
    return arithmetic(Set.of("**"), () -> unary(true));
  }

  private Expression arithmetic(Set<String> operators, Supplier<Expression> operand) {
    Expression left = operand.get();
    int links = 0;
    while (cursor.is(Kind.OPERATOR) && operators.contains(cursor.current().text())) {
      if (++links > 1000) throw cursor.fail("an expression has more than 1000 operators in a row");
      Operator operator = Operator.of(cursor.next().text());
      left = new Expression.Arithmetic(operator, left, operand.get());
    }
    return left;
  }

  /// A signed value, with what is applied to it.
  ///
  /// @param filters whether filters and tests may follow; after a sign they apply to the whole
  Expression unary(boolean filters) {
    Expression value;
    boolean negative = cursor.current().isOperator("-");
    if (negative || cursor.current().isOperator("+")) {
      cursor.next();
      int level = cursor.sink();
      value = new Expression.Signed(negative, unary(false));
      cursor.rise(level);
    } else {
      value = primary.read();
    }
    value = postfix(value);
    return filters ? filters(value) : value;
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
    Expression start = cursor.current().isOperator(":") ? NONE : expression();
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
    while (cursor.skipOperator(",") && !cursor.current().isOperator("]")) parts.add(expression());
    cursor.expectOperator("]");
    return new Expression.Item(target, new Expression.Items(parts, true));
  }

  private Expression bound() {
    boolean absent = cursor.current().isOperator(":") || cursor.current().isOperator("]");
    return absent ? NONE : expression();
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
        spread = Optional.of(expression());
      } else if (cursor.skipOperator("**")) {
        spreadNamed = Optional.of(expression());
      } else if (cursor.is(Kind.NAME) && cursor.following().isOperator("=")) {
        String name = cursor.next().text();
        if (!names.add(name)) throw cursor.fail("keyword argument repeated: " + name);
        cursor.next();
        named.add(Map.entry(name, expression()));
      } else if (named.isEmpty() && spread.isEmpty()) {
        positional.add(expression());
      } else {
        throw cursor.fail("a positional argument follows a keyword argument");
      }
      if (!cursor.skipOperator(",") && !cursor.current().isOperator(")"))
        throw cursor.unexpected("',' or ')' in a call");
    }
    return new CallArguments(positional, named, spread, spreadNamed);
  }

  private Expression filters(Expression start) {
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
