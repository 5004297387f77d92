package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Value.Dict;
import dev.turnstone.engine.chat.jinja.Value.Text;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The arguments of a call as written.
///
/// @param spread what follows `*`
/// @param spreadNamed what follows `**`
record CallArguments(
    List<Expression> positional,
    List<Map.Entry<String, Expression>> named,
    Optional<Expression> spread,
    Optional<Expression> spreadNamed) {
  static final CallArguments NONE =
      new CallArguments(List.of(), List.of(), Optional.empty(), Optional.empty());

  boolean isEmpty() {
    return positional.isEmpty() && named.isEmpty() && spread.isEmpty() && spreadNamed.isEmpty();
  }

  Arguments evaluate(Scope scope) {
    if (isEmpty()) return Arguments.NONE;
    List<Value> values = new ArrayList<>(positional.size());
    for (Expression argument : positional) values.add(argument.evaluate(scope));
    Map<String, Value> byName = HashMap.newHashMap(named.size());
    for (Map.Entry<String, Expression> argument : named)
      byName.put(argument.getKey(), argument.getValue().evaluate(scope));
    spread.ifPresent(list -> values.addAll(Operations.items(list.evaluate(scope), scope.budget())));
    spreadNamed.ifPresent(dict -> addAll(byName, dict.evaluate(scope)));
    return new Arguments(values, byName);
  }

  private static void addAll(Map<String, Value> byName, Value value) {
    if (!(value instanceof Dict dict))
      throw TemplateException.type("argument after ** must be a mapping, not " + value.type());
    dict.entries()
        .forEach((key, argument) -> {
          if (!(key instanceof Text name)) throw TemplateException.type("keywords must be strings");
          byName.put(name.value(), argument);
        });
  }
}
