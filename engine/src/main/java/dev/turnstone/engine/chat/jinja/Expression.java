package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Value.Dict;
import dev.turnstone.engine.chat.jinja.Value.Function;
import dev.turnstone.engine.chat.jinja.Value.Int;
import dev.turnstone.engine.chat.jinja.Value.Real;
import dev.turnstone.engine.chat.jinja.Value.Sequence;
import dev.turnstone.engine.chat.jinja.Value.Text;
import dev.turnstone.engine.chat.jinja.Value.Undefined;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A part of a template that has a value.
sealed interface Expression {
  Value evaluate(Scope scope);

  record Constant(Value value) implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      return value;
    }
  }

  record Name(String name) implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      return scope.get(name);
    }
  }

  record Attribute(Expression target, String name) implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      return Lookup.attribute(target.evaluate(scope), name, scope.budget());
    }
  }

  record Item(Expression target, Expression key) implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      return Lookup.item(target.evaluate(scope), key.evaluate(scope), scope.budget());
    }
  }

  record Slice(Expression target, Expression start, Expression stop, Expression step)
      implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      return Lookup.slice(
          target.evaluate(scope),
          start.evaluate(scope),
          stop.evaluate(scope),
          step.evaluate(scope),
          scope.budget());
    }
  }

  record Call(Expression callee, CallArguments arguments) implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      return evaluate(scope, Optional.empty());
    }

    /// The call with the body of a `call` block as its argument `caller`.
    Value evaluate(Scope scope, Optional<Value> caller) {
      scope.budget().step();
      Value function = callee.evaluate(scope);
      Arguments evaluated = arguments.evaluate(scope);
      if (caller.isPresent()) {
        Map<String, Value> named = new LinkedHashMap<>(evaluated.named());
        named.put("caller", caller.get());
        evaluated = new Arguments(evaluated.positional(), named);
      }
      return switch (function) {
        case Function known -> known.body().call(evaluated, scope.budget());
        case Undefined undefined -> throw undefined.refused();
        default -> throw TemplateException.type("'" + function.type() + "' object is not callable");
      };
    }
  }

  /// A filter found at load, applied to a value.
  record Filtered(Expression value, Filters.Filter filter, CallArguments arguments)
      implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      scope.budget().step();
      return filter.apply(value.evaluate(scope), arguments.evaluate(scope), scope.budget());
    }
  }

  /// A test found at load: what follows `is`.
  record Tested(Expression value, Tests.Test test, CallArguments arguments) implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      return Values.of(
          test.holds(value.evaluate(scope), arguments.evaluate(scope), scope.budget()));
    }
  }

  record Not(Expression operand) implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      return Values.of(!Operations.truth(operand.evaluate(scope)));
    }
  }

  record And(Expression left, Expression right) implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      Value value = left.evaluate(scope);
      return Operations.truth(value) ? right.evaluate(scope) : value;
    }
  }

  record Or(Expression left, Expression right) implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      Value value = left.evaluate(scope);
      return Operations.truth(value) ? value : right.evaluate(scope);
    }
  }

  record Conditional(Expression condition, Expression then, Optional<Expression> otherwise)
      implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      if (Operations.truth(condition.evaluate(scope))) return then.evaluate(scope);
      return otherwise.isPresent()
          ? otherwise.get().evaluate(scope)
          : Undefined.because(
              "the inline if-expression evaluated to false and no else section was defined.");
    }
  }

  /// A chain such as `a < b <= c`.
  record Comparison(Expression first, List<Operand> rest) implements Expression {
    record Operand(Tests.Test test, boolean negated, Expression value) {}

    @Override
    public Value evaluate(Scope scope) {
      Value left = first.evaluate(scope);
      for (Operand operand : rest) {
        Value right = operand.value().evaluate(scope);
        Arguments arguments = new Arguments(List.of(right), Map.of());
        if (operand.test().holds(left, arguments, scope.budget()) == operand.negated())
          return Values.FALSE;
        left = right;
      }
      return Values.TRUE;
    }
  }

  record Arithmetic(Operator operator, Expression left, Expression right) implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      Value first = left.evaluate(scope);
      return Operations.arithmetic(operator, first, right.evaluate(scope), scope.budget());
    }
  }

  record Signed(boolean negative, Expression operand) implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      Value value = operand.evaluate(scope);
      if (value instanceof Undefined undefined) throw undefined.refused();
      if (value instanceof Real real) return negative ? new Real(-real.value()) : real;
      if (!Numbers.isWhole(value))
        throw TemplateException.type("bad operand type for unary sign: '" + value.type() + "'");
      return new Int(negative ? Numbers.whole(value).negate() : Numbers.whole(value));
    }
  }

  record Concatenation(List<Expression> parts) implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      StringBuilder made = new StringBuilder();
      for (Expression part : parts)
        made.append(Printing.text(part.evaluate(scope), scope.budget()));
      return new Text(scope.budget().paid(made.toString()));
    }
  }

  /// A list or tuple display.
  record Items(List<Expression> items, boolean tuple) implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      scope.budget().allocate(items.size());
      List<Value> values = new ArrayList<>(items.size());
      for (Expression item : items) values.add(item.evaluate(scope));
      return new Sequence(values, tuple);
    }
  }

  record Entries(List<Map.Entry<Expression, Expression>> entries) implements Expression {
    @Override
    public Value evaluate(Scope scope) {
      Map<Value, Value> values = new LinkedHashMap<>();
      for (Map.Entry<Expression, Expression> entry : entries) {
        Value key = Operations.hashable(entry.getKey().evaluate(scope), scope.budget());
        values.put(key, entry.getValue().evaluate(scope));
      }
      return new Dict(values);
    }
  }
}
