package dev.turnstone.engine.chat.jinja;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The arguments of a call, by position and by name.
record Arguments(List<Value> positional, Map<String, Value> named) {
  static final Arguments NONE = new Arguments(List.of(), Map.of());

  boolean isEmpty() {
    return positional.isEmpty() && named.isEmpty();
  }

  Arguments withoutFirst(int count) {
    return new Arguments(positional.subList(count, positional.size()), named);
  }

  /// Matches the arguments with the parameters of `function`, as Python does.
  ///
  /// @param required how many of the parameters have no default
  Bound bind(String function, int required, String... parameters) {
    if (positional.size() > parameters.length)
      throw TemplateException.type(
          function
              + "() takes at most "
              + parameters.length
              + " arguments ("
              + positional.size()
              + " given)");
    List<Optional<Value>> values = new ArrayList<>(parameters.length);
    for (int i = 0; i < parameters.length; i++)
      values.add(
          i < positional.size()
              ? Optional.of(positional.get(i))
              : Optional.ofNullable(named.get(parameters[i])));
    for (String name : named.keySet()) {
      int at = Arrays.asList(parameters).indexOf(name);
      if (at < 0)
        throw TemplateException.type(
            function + "() got an unexpected keyword argument '" + name + "'");
      if (at < positional.size())
        throw TemplateException.type(
            function + "() got multiple values for argument '" + name + "'");
    }
    for (int i = 0; i < required; i++)
      if (values.get(i).isEmpty())
        throw TemplateException.type(
            function + "() missing required argument '" + parameters[i] + "'");
    return new Bound(values);
  }

  /// The value of each parameter, by its number.
  record Bound(List<Optional<Value>> values) {
    boolean has(int parameter) {
      return values.get(parameter).isPresent();
    }

    Value get(int parameter) {
      return values.get(parameter).orElseThrow();
    }

    Value or(int parameter, Value otherwise) {
      return values.get(parameter).orElse(otherwise);
    }

    /// Whether the argument was given and is not None.
    boolean isSet(int parameter) {
      return has(parameter) && !(get(parameter) instanceof Value.None);
    }

    boolean flag(int parameter) {
      return has(parameter) && Operations.truth(get(parameter));
    }

    int index(int parameter, int otherwise) {
      return has(parameter) ? Numbers.index(get(parameter)) : otherwise;
    }

    /// A string argument; anything else is a type error.
    String text(int parameter) {
      if (get(parameter) instanceof Value.Text text) return text.value();
      throw TemplateException.type("expected str, got " + get(parameter).type());
    }
  }
}
