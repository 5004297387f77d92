package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Statement.Body;
import dev.turnstone.engine.chat.jinja.Statement.Target;
import dev.turnstone.engine.chat.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/// Reads a template's tags and the text between them.
final class StatementParser {
  private final TokenCursor cursor;
  private final ExpressionParser expressions;
  private int loops;

  private StatementParser(TokenCursor cursor) {
    this.cursor = cursor;
    this.expressions = new ExpressionParser(cursor);
  }

  static Body parse(List<Token> tokens) {
    return new StatementParser(new TokenCursor(tokens)).body();
  }

  /// Statements up to one of the tags `ends`, whose name is then current; without ends, to the end.
  private Body body(String... ends) {
    int level = cursor.sink();
    int opened = cursor.line();
    List<Body.Located> statements = new ArrayList<>();
    while (true) {
      Token token = cursor.next();
      switch (token.kind()) {
        case DATA ->
            statements.add(new Body.Located(new Statement.Data(token.text()), token.line()));
        case VARIABLE_BEGIN -> {
          Statement print =
              new Statement.Print(expressions.tuple(true, () -> cursor.is(Kind.VARIABLE_END)));
          cursor.expect(Kind.VARIABLE_END, "'}}'");
          statements.add(new Body.Located(print, token.line()));
        }
        case BLOCK_BEGIN -> {
          for (String end : ends) {
            if (!cursor.current().isName(end)) continue;
            cursor.rise(level);
            return new Body(statements);
          }
          statements.add(new Body.Located(statement(), token.line()));
          end();
        }
        default -> {
          if (ends.length > 0)
            throw TemplateException.syntax(
                opened, "this block has no {% " + String.join(" %} or {% ", ends) + " %}");
          return new Body(statements);
        }
      }
    }
  }

  /// The body of a tag, whose `%}` is current, up to the end tag, which is skipped but for its
  /// `%}`.
  private Body bodyTo(String end) {
    endOfTag();
    Body body = body(end);
    cursor.next();
    return body;
  }

  private void endOfTag() {
    cursor.skipOperator(":");
    end();
  }

  private void end() {
    cursor.expect(Kind.BLOCK_END, "'%}'");
  }

  private Statement statement() {
    Token tag = cursor.expect(Kind.NAME, "the name of a tag");
    return switch (tag.text()) {
      case "if" -> branches();
      case "for" -> loop();
      case "set" -> set();
      case "macro" -> macro();
      case "call" -> call();
      case "filter" -> filter();
      case "with" -> with();
      case "print" -> print();
      case "generation" -> new Statement.Generation(bodyTo("endgeneration"));
      case "break" -> jump(Statement.Flow.BREAK, tag);
      case "continue" -> jump(Statement.Flow.CONTINUE, tag);
      default ->
          throw TemplateException.syntax(
              tag.line(), "the tag '" + tag.text() + "' is not supported");
    };
  }

  private Statement branches() {
    List<Map.Entry<Expression, Statement>> branches = new ArrayList<>();
    Statement otherwise = new Body(List.of());
    String tag = "elif";
    while (tag.equals("elif")) {
      Expression condition = expressions.tuple(true, () -> cursor.is(Kind.BLOCK_END));
      endOfTag();
      branches.add(Map.entry(condition, body("elif", "else", "endif")));
      tag = cursor.next().text();
    }
    if (tag.equals("else")) otherwise = bodyTo("endif");
    return new Statement.If(branches, otherwise);
  }

  private Statement loop() {
    Target target = target(false);
    if (!cursor.skipName("in")) throw cursor.unexpected("'in'");
    Expression items = expressions.tuple(false, () -> cursor.is(Kind.BLOCK_END));
    Optional<Expression> test =
        cursor.skipName("if") ? Optional.of(expressions.expression()) : Optional.empty();
    if (cursor.current().isName("recursive"))
      throw cursor.fail("recursive loops are not supported");
    endOfTag();
    loops++;
    Body body = body("endfor", "else");
    loops--;
    Body otherwise = cursor.next().text().equals("else") ? bodyTo("endfor") : new Body(List.of());
    return new Statement.For(target, items, test, body, otherwise);
  }

  private Statement jump(Statement.Flow flow, Token tag) {
    if (loops == 0)
      throw TemplateException.syntax(tag.line(), "'" + tag.text() + "' outside of a loop");
    return new Statement.Jump(flow);
  }

  private Statement set() {
    Target target = target(true);
    if (cursor.skipOperator("="))
      return new Statement.Set(target, expressions.tuple(true, () -> cursor.is(Kind.BLOCK_END)));
    UnaryOperator<Expression> filters = value -> value;
    while (cursor.skipOperator("|")) filters = followed(filters, expressions.filter());
    return new Statement.SetBlock(target, filters, bodyTo("endset"));
  }

  private Statement filter() {
    UnaryOperator<Expression> filters = expressions.filter();
    while (cursor.skipOperator("|")) filters = followed(filters, expressions.filter());
    return new Statement.FilterBlock(filters, bodyTo("endfilter"));
  }

  private static UnaryOperator<Expression> followed(
      UnaryOperator<Expression> first, UnaryOperator<Expression> then) {
    return value -> then.apply(first.apply(value));
  }

  private Statement print() {
    List<Body.Located> prints = new ArrayList<>();
    do {
      prints.add(new Body.Located(new Statement.Print(expressions.expression()), cursor.line()));
    } while (cursor.skipOperator(","));
    return new Body(prints);
  }

  private Statement with() {
    List<Map.Entry<Target, Expression>> names = new ArrayList<>();
    while (!cursor.is(Kind.BLOCK_END)) {
      if (!names.isEmpty()) cursor.expectOperator(",");
      Target target = target(false);
      cursor.expectOperator("=");
      names.add(Map.entry(target, expressions.expression()));
    }
    return new Statement.With(names, bodyTo("endwith"));
  }

  private Statement macro() {
    String name = name();
    List<String> parameters = new ArrayList<>();
    List<Expression> defaults = new ArrayList<>();
    signature(parameters, defaults);
    return new Statement.Define(macro(name, parameters, defaults, "endmacro"));
  }

  private Statement call() {
    List<String> parameters = new ArrayList<>();
    List<Expression> defaults = new ArrayList<>();
    if (cursor.current().isOperator("(")) signature(parameters, defaults);
    int line = cursor.line();
    if (!(expressions.expression() instanceof Expression.Call call))
      throw TemplateException.syntax(line, "expected a call of a macro");
    return new Statement.CallBlock(macro("caller", parameters, defaults, "endcall"), call);
  }

  private Macro macro(String name, List<String> parameters, List<Expression> defaults, String end) {
    Set<String> around = expressions.takeNames();
    int aroundLoops = loops;
    loops = 0;
    Body body = bodyTo(end);
    loops = aroundLoops;
    Set<String> used = expressions.takeNames();
    expressions.addNames(around);
    expressions.addNames(used);
    used.retainAll(Macro.SPECIAL);
    return new Macro(name, List.copyOf(parameters), List.copyOf(defaults), body, Set.copyOf(used));
  }

  private void signature(List<String> parameters, List<Expression> defaults) {
    cursor.expectOperator("(");
    while (!cursor.skipOperator(")")) {
      if (!parameters.isEmpty()) cursor.expectOperator(",");
      parameters.add(name());
      if (cursor.skipOperator("=")) defaults.add(expressions.expression());
      else if (!defaults.isEmpty())
        throw cursor.fail("a parameter without a default follows one with");
    }
  }

  /// A name that can be assigned to.
  private String name() {
    Token token = cursor.expect(Kind.NAME, "a name");
    if (Set.of("true", "false", "none", "True", "False", "None").contains(token.text()))
      throw TemplateException.syntax(token.line(), "cannot assign to '" + token.text() + "'");
    return token.text();
  }

  private Target target(boolean attributes) {
    List<Target> targets = new ArrayList<>();
    boolean several = false;
    do {
      if (several && (cursor.current().isName("in") || cursor.current().isOperator("="))) break;
      targets.add(singleTarget(attributes));
      several |= cursor.current().isOperator(",");
    } while (cursor.skipOperator(","));
    return several ? new Target.Unpacked(targets) : targets.getFirst();
  }

  private Target singleTarget(boolean attributes) {
    if (cursor.skipOperator("(")) {
      int level = cursor.sink();
      Target inner = target(attributes);
      cursor.rise(level);
      cursor.expectOperator(")");
      return inner;
    }
    String name = name();
    if (attributes && cursor.skipOperator("."))
      return new Target.Attribute(name, cursor.expect(Kind.NAME, "a name after '.'").text());
    return new Target.Named(name);
  }
}
