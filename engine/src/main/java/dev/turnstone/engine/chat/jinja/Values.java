package dev.turnstone.engine.chat.jinja;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Makes template values.
final class Values {
  static final Value NONE = new Value.None();
  static final Value TRUE = new Value.Bool(true);
  static final Value FALSE = new Value.Bool(false);
  static final Value EMPTY_TEXT = new Value.Text("");

  private Values() {}

  static Value of(boolean value) {
    return value ? TRUE : FALSE;
  }

  static Value of(long value) {
    return new Value.Int(BigInteger.valueOf(value));
  }

  static Value of(String value) {
    return value.isEmpty() ? EMPTY_TEXT : new Value.Text(value);
  }

  static Value list(List<? extends Value> items) {
    return new Value.Sequence(Collections.unmodifiableList(items), false);
  }

  static Value tuple(Value... items) {
    return new Value.Sequence(List.of(items), true);
  }

  /// JSON as Python's `json.loads` reads it.

  static Value of(JsonNode json) {
    return switch (json.getNodeType()) {
      case STRING -> of(json.textValue());
      case BOOLEAN -> of(json.booleanValue());
      case NUMBER ->
          json.isIntegralNumber()
              ? new Value.Int(json.bigIntegerValue())
              : new Value.Real(json.doubleValue());
      case OBJECT -> {
        Map<Value, Value> entries = LinkedHashMap.newLinkedHashMap(json.size());
        json.properties().forEach(entry -> entries.put(of(entry.getKey()), of(entry.getValue())));
        yield new Value.Dict(entries);
      }
      case ARRAY -> {
        List<Value> items = new ArrayList<>(json.size());
        json.forEach(item -> items.add(of(item)));
        yield list(items);
      }
      case NULL, MISSING -> NONE;
      case BINARY, POJO -> throw new IllegalArgumentException("not JSON: " + json.getNodeType());
    };
  }
}
