package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Value.Function;
import dev.turnstone.engine.chat.jinja.Value.Sequence;
import dev.turnstone.engine.chat.jinja.Value.Undefined;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The definition of a macro, or the body of a `call` block.
///
/// @param defaults of the last parameters
/// @param used those of `varargs`, `kwargs` and `caller` that the body reads
record Macro(
    String name,
    List<String> parameters,
    List<Expression> defaults,
    Statement body,
    Set<String> used) {
  /// The names that a macro takes more arguments by.
  static final Set<String> SPECIAL = Set.of("varargs", "kwargs", "caller");

  /// The macro as a value; it sees the names around its definition as they are when it is called.
  Function over(Scope around) {
    return new Function(name, (arguments, budget) -> call(around.inner(), arguments, budget));
  }

  private Value call(Scope scope, Arguments arguments, Budget budget) {
    List<Value> given = arguments.positional();
    Map<String, Value> named = new HashMap<>(arguments.named());
    for (int i = 0; i < parameters.size(); i++) {
      String parameter = parameters.get(i);
      Value value = i < given.size() ? given.get(i) : named.remove(parameter);
      scope.set(parameter, value != null ? value : defaultOf(i, scope));
    }
    special(scope, given, named);
    budget.enterCall();
    Output output = new Output(budget);
    body.render(scope, output);
    budget.leaveCall();
    return Values.of(output.toString());
  }

  private Value defaultOf(int parameter, Scope scope) {
    int at = parameter - (parameters.size() - defaults.size());
    return at >= 0
        ? defaults.get(at).evaluate(scope)
        : Undefined.because("parameter '" + parameters.get(parameter) + "' was not provided");
  }

  private void special(Scope scope, List<Value> given, Map<String, Value> named) {
    if (used.contains("caller") && !parameters.contains("caller")) {
      Value caller = named.remove("caller");
      scope.set("caller", caller != null ? caller : Undefined.because("No caller defined"));
    }
    if (used.contains("kwargs")) scope.set("kwargs", Value.Dict.of(named));
    else if (!named.isEmpty())
      throw TemplateException.type(
          "macro '"
              + name
              + "' takes no keyword argument '"
              + named.keySet().iterator().next()
              + "'");
    boolean more = given.size() > parameters.size();
    if (used.contains("varargs"))
      scope.set(
          "varargs",
          new Sequence(more ? given.subList(parameters.size(), given.size()) : List.of(), true));
    else if (more)
      throw TemplateException.type(
          "macro '" + name + "' takes not more than " + parameters.size() + " argument(s)");
  }
}
