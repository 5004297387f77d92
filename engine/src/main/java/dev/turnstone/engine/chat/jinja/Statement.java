package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Expression.Call;
import dev.turnstone.engine.chat.jinja.Value.Namespace;
import dev.turnstone.engine.chat.jinja.Value.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/// A part of a template that writes or assigns.
sealed interface Statement {
  /// How rendering goes on after a statement.
  enum Flow {
    NEXT,
    BREAK,
    CONTINUE
  }

  Flow render(Scope scope, Output output);

  /// Statements one after another; an error is told with the line of the innermost.
  record Body(List<Located> statements) implements Statement {
    record Located(Statement statement, int line) {}

    @Override
    public Flow render(Scope scope, Output output) {
      for (Located located : statements) {
        try {
          Flow flow = located.statement().render(scope, output);
          if (flow != Flow.NEXT) return flow;
        } catch (TemplateException e) {
          throw e.at(located.line());
        }
      }
      return Flow.NEXT;
    }
  }

  record Data(String text) implements Statement {
    @Override
    public Flow render(Scope scope, Output output) {
      output.write(text);
      return Flow.NEXT;
    }
  }

  record Print(Expression value) implements Statement {
    @Override
    public Flow render(Scope scope, Output output) {
      scope.budget().step();
      output.write(Printing.text(value.evaluate(scope), scope.budget()));
      return Flow.NEXT;
    }
  }

  record If(List<Map.Entry<Expression, Statement>> branches, Statement otherwise)
      implements Statement {
    @Override
    public Flow render(Scope scope, Output output) {
      for (Map.Entry<Expression, Statement> branch : branches)
        if (Operations.truth(branch.getKey().evaluate(scope)))
          return branch.getValue().render(scope, output);
      return otherwise.render(scope, output);
    }
  }

  record For(
      Target target,
      Expression items,
      Optional<Expression> test,
      Statement body,
      Statement otherwise)
      implements Statement {
    @Override
    public Flow render(Scope scope, Output output) {
      List<Value> chosen = chosen(scope);
      Loop loop = new Loop(chosen);
      boolean ran = false;
      for (int i = 0; i < chosen.size(); i++) {
        scope.budget().step();
        loop.moveTo(i);
        Scope inner = scope.inner();
        inner.set("loop", loop);
        target.assign(chosen.get(i), inner);
        Flow flow = body.render(inner, output);
        if (flow == Flow.BREAK) break;
        // As in jinja2, a round that was cut short does not count against `else`.
        if (flow == Flow.NEXT) ran = true;
      }
      if (!ran) otherwise.render(scope.inner(), output);
      return Flow.NEXT;
    }

    private List<Value> chosen(Scope scope) {
      List<Value> all = Operations.items(items.evaluate(scope), scope.budget());
      if (test.isEmpty()) return all;
      List<Value> chosen = new ArrayList<>();
      for (Value item : all) {
        scope.budget().step();
        Scope inner = scope.inner();
        target.assign(item, inner);
        if (Operations.truth(test.get().evaluate(inner))) chosen.add(item);
      }
      return chosen;
    }
  }

  record Set(Target target, Expression value) implements Statement {
    @Override
    public Flow render(Scope scope, Output output) {
      scope.budget().step();
      target.assign(value.evaluate(scope), scope);
      return Flow.NEXT;
    }
  }

  /// `{% set x %}…{% endset %}`.
  record SetBlock(Target target, UnaryOperator<Expression> filters, Statement body)
      implements Statement {
    @Override
    public Flow render(Scope scope, Output output) {
      target.assign(filtered(filters, body, scope), scope);
      return Flow.NEXT;
    }
  }

  /// `{% filter f %}…{% endfilter %}`.
  record FilterBlock(UnaryOperator<Expression> filters, Statement body) implements Statement {
    @Override
    public Flow render(Scope scope, Output output) {
      output.write(Printing.text(filtered(filters, body, scope), scope.budget()));
      return Flow.NEXT;
    }
  }

  private static Value filtered(UnaryOperator<Expression> filters, Statement body, Scope scope) {
    Output inner = new Output(scope.budget());
    body.render(scope.inner(), inner);
    return filters
        .apply(new Expression.Constant(new Text(inner.toString())))
        .evaluate(scope.inner());
  }

  record Define(Macro macro) implements Statement {
    @Override
    public Flow render(Scope scope, Output output) {
      scope.set(macro.name(), macro.over(scope));
      return Flow.NEXT;
    }
  }

  record CallBlock(Macro body, Call call) implements Statement {
    @Override
    public Flow render(Scope scope, Output output) {
      Value made = call.evaluate(scope, Optional.of(body.over(scope)));
      output.write(Printing.text(made, scope.budget()));
      return Flow.NEXT;
    }
  }

  record With(List<Map.Entry<Target, Expression>> names, Statement body) implements Statement {
    @Override
    public Flow render(Scope scope, Output output) {
      Scope inner = scope.inner();
      for (Map.Entry<Target, Expression> name : names)
        name.getKey().assign(name.getValue().evaluate(scope), inner);
      return body.render(inner, output);
    }
  }

  /// `{% generation %}`: marks what the assistant wrote.
  record Generation(Statement body) implements Statement {
    @Override
    public Flow render(Scope scope, Output output) {
      int start = output.length();
      Flow flow = body.render(scope.inner(), output);
      output.generation(start);
      return flow;
    }
  }

  record Jump(Flow flow) implements Statement {
    @Override
    public Flow render(Scope scope, Output output) {
      return flow;
    }
  }

  /// What can be assigned to.
  sealed interface Target {
    void assign(Value value, Scope scope);

    record Named(String name) implements Target {
      @Override
      public void assign(Value value, Scope scope) {
        scope.set(name, value);
      }
    }

    record Unpacked(List<Target> targets) implements Target {
      @Override
      public void assign(Value value, Scope scope) {
        List<Value> parts = Operations.items(value, scope.budget());
        if (parts.size() != targets.size())
          throw TemplateException.render(
              "ValueError: cannot unpack "
                  + parts.size()
                  + " values into "
                  + targets.size()
                  + " names");
        for (int i = 0; i < parts.size(); i++) targets.get(i).assign(parts.get(i), scope);
      }
    }

    record Attribute(String namespace, String name) implements Target {
      @Override
      public void assign(Value value, Scope scope) {
        if (!(scope.get(namespace) instanceof Namespace written))
          throw TemplateException.render(
              "TemplateRuntimeError: cannot assign attribute on non-namespace object");
        Globals.requireAttribute(name);
        written.attributes().put(name, value);
      }
    }
  }
}
