package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Expression.Comparison.Operand;
import dev.turnstone.engine.chat.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/// Reads expressions, with jinja2's precedence: `if`, `or`, `and`, `not`, comparison, `+ -`, `~`,
/// `* / // %`, `**`, sign, then filters and tests.
final class ExpressionParser {
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

  private final TokenCursor cursor;
  private final PrimaryParser primary;
  private final AppliedParser applied;

  ExpressionParser(TokenCursor cursor) {
    this.cursor = cursor;
    this.primary = new PrimaryParser(cursor, this);
    this.applied = new AppliedParser(cursor, this, primary);
  }

  /// The names read since the last call.
  Set<String> takeNames() {
    return primary.takeNames();
  }

  void addNames(Set<String> names) {
    primary.addNames(names);
  }

  /// A filter by its name and arguments, without its value.
  UnaryOperator<Expression> filter() {
    return applied.filter();
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
    value = applied.postfix(value);
    return filters ? applied.filters(value) : value;
  }
}
