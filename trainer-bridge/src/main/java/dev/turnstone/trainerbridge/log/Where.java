package dev.turnstone.trainerbridge.log;

import java.util.ArrayList;
import java.util.List;

/// Conditions of a query with their values.
final class Where {
  private final List<String> conditions = new ArrayList<>();
  private final List<Object> values = new ArrayList<>();

  void and(String condition, Object value) {
    conditions.add(condition);
    values.add(value);
  }

  String sql() {
    return conditions.isEmpty() ? "" : " where " + String.join(" and ", conditions);
  }

  Object[] with(Object... more) {
    List<Object> all = new ArrayList<>(values);
    all.addAll(List.of(more));
    return all.toArray();
  }
}
