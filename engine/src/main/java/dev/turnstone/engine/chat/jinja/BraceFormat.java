package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Value.Text;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Python's `'{} and {name}'.format(…)`, with the sandbox's rules for attributes.
final class BraceFormat {
  private static final Pattern STEP = Pattern.compile("\\.([^.\\[]+)|\\[([^\\]]+)\\]");

  private final Text template;
  private final Arguments arguments;
  private final Budget budget;
  private final StringBuilder made = new StringBuilder();
  private int next;

  private BraceFormat(Text template, Arguments arguments, Budget budget) {
    this.template = template;
    this.arguments = arguments;
    this.budget = budget;
  }

  static Value format(Text template, Arguments arguments, Budget budget) {
    return new Text(new BraceFormat(template, arguments, budget).run(), template.safe());
  }

  private String run() {
    String text = template.value();
    int at = 0;
    while (at < text.length()) {
      char c = text.charAt(at);
      boolean doubled = at + 1 < text.length() && text.charAt(at + 1) == c;
      if ((c == '{' || c == '}') && doubled) {
        made.append(c);
        at += 2;
      } else if (c == '{') {
        int end = text.indexOf('}', at);
        if (end < 0)
          throw TemplateException.render("ValueError: expected '}' before end of string");
        made.append(budget.paid(field(text.substring(at + 1, end))));
        at = end + 1;
      } else if (c == '}') {
        throw TemplateException.render("ValueError: Single '}' encountered in format string");
      } else {
        made.append(c);
        at++;
      }
    }
    return made.toString();
  }

  private String field(String field) {
    int colon = field.indexOf(':');
    String spec = colon < 0 ? "" : field.substring(colon + 1);
    String name = colon < 0 ? field : field.substring(0, colon);
    int bang = name.indexOf('!');
    String conversion = bang < 0 ? "" : name.substring(bang + 1);
    Value value = value(bang < 0 ? name : name.substring(0, bang));
    Value converted =
        switch (conversion) {
          case "" -> value;
          case "s" -> new Text(Printing.text(value, budget));
          case "r" -> new Text(Printing.repr(value, budget));
          default ->
              throw TemplateException.render(
                  "ValueError: conversion '!" + conversion + "' is not supported");
        };
    String shown =
        spec.isEmpty()
            ? Printing.text(converted, budget)
            : FormatSpec.parse(spec).format(converted, budget);
    boolean escape = template.safe() && !(converted instanceof Text text && text.safe());
    return escape ? PythonText.escape(new Text(shown)) : shown;
  }

  private Value value(String name) {
    Matcher steps = STEP.matcher(name);
    int end = steps.find() ? steps.start() : name.length();
    Value value = argument(name.substring(0, end));
    steps.reset();
    while (steps.find(end)) {
      end = steps.end();
      String key = steps.group(2);
      if (key == null) value = Lookup.attribute(value, steps.group(1), budget);
      else
        value =
            Lookup.item(
                value, isDigits(key) ? Values.of(Long.parseLong(key)) : Values.of(key), budget);
    }
    return value;
  }

  private Value argument(String name) {
    if (name.isEmpty() || isDigits(name)) {
      int index = name.isEmpty() ? next++ : Integer.parseInt(name);
      if (index < arguments.positional().size()) return arguments.positional().get(index);
      throw TemplateException.render(
          "IndexError: Replacement index " + index + " out of range for positional args tuple");
    }
    Value value = arguments.named().get(name);
    if (value == null) throw TemplateException.render("KeyError: '" + name + "'");
    return value;
  }

  private static boolean isDigits(String text) {
    return text.length() < 10 && text.chars().allMatch(c -> c >= '0' && c <= '9');
  }
}
