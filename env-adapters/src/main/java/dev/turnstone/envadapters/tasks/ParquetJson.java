package dev.turnstone.envadapters.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.BigInteger;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.DecimalLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.ListLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.MapLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.StringLogicalTypeAnnotation;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.Type;

/// A row of a Parquet file as JSON: lists as arrays, maps and structs as objects, bytes without a
/// text type as base64.
final class ParquetJson {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private ParquetJson() {}

  static ObjectNode of(Group group) {
    ObjectNode object = JSON.objectNode();
    GroupType type = group.getType();
    for (int i = 0; i < type.getFieldCount(); i++) {
      Type field = type.getType(i);
      int count = group.getFieldRepetitionCount(i);
      if (field.isRepetition(Type.Repetition.REPEATED)) {
        ArrayNode array = object.putArray(field.getName());
        for (int at = 0; at < count; at++) array.add(value(group, field, i, at));
      } else if (count == 0) object.putNull(field.getName());
      else object.set(field.getName(), value(group, field, i, 0));
    }
    return object;
  }

  private static JsonNode value(Group group, Type field, int index, int at) {
    if (field.isPrimitive()) return primitive(group, field.asPrimitiveType(), index, at);
    Group inner = group.getGroup(index, at);
    LogicalTypeAnnotation logical = field.getLogicalTypeAnnotation();
    if (logical instanceof ListLogicalTypeAnnotation) return list(inner);
    if (logical instanceof MapLogicalTypeAnnotation) return map(inner);
    return of(inner);
  }

  /// A group of one repeated field: usually a group `list` with one field `element`, which may be
  /// null; in old files the elements themselves.
  private static ArrayNode list(Group list) {
    ArrayNode array = JSON.arrayNode();
    Type repeated = list.getType().getType(0);
    boolean wrapped = !repeated.isPrimitive() && repeated.asGroupType().getFieldCount() == 1;
    for (int at = 0; at < list.getFieldRepetitionCount(0); at++) {
      if (!wrapped) {
        array.add(value(list, repeated, 0, at));
        continue;
      }
      Group wrapper = list.getGroup(0, at);
      Type element = wrapper.getType().getType(0);
      array.add(
          wrapper.getFieldRepetitionCount(0) == 0
              ? JSON.nullNode()
              : value(wrapper, element, 0, 0));
    }
    return array;
  }

  private static ObjectNode map(Group map) {
    ObjectNode object = JSON.objectNode();
    for (int at = 0; at < map.getFieldRepetitionCount(0); at++) {
      Group entry = map.getGroup(0, at);
      JsonNode key = value(entry, entry.getType().getType(0), 0, 0);
      boolean empty = entry.getFieldRepetitionCount(1) == 0;
      object.set(
          key.asText(), empty ? JSON.nullNode() : value(entry, entry.getType().getType(1), 1, 0));
    }
    return object;
  }

  private static JsonNode primitive(Group group, PrimitiveType type, int index, int at) {
    LogicalTypeAnnotation logical = type.getLogicalTypeAnnotation();
    int scale = logical instanceof DecimalLogicalTypeAnnotation decimal ? decimal.getScale() : 0;
    return switch (type.getPrimitiveTypeName()) {
      case BOOLEAN -> JSON.booleanNode(group.getBoolean(index, at));
      case INT32 ->
          scale == 0
              ? JSON.numberNode(group.getInteger(index, at))
              : JSON.numberNode(BigDecimal.valueOf(group.getInteger(index, at), scale));
      case INT64 ->
          scale == 0
              ? JSON.numberNode(group.getLong(index, at))
              : JSON.numberNode(BigDecimal.valueOf(group.getLong(index, at), scale));
      case FLOAT -> JSON.numberNode(group.getFloat(index, at));
      case DOUBLE -> JSON.numberNode(group.getDouble(index, at));
      case INT96 -> JSON.binaryNode(group.getInt96(index, at).getBytes());
      case BINARY, FIXED_LEN_BYTE_ARRAY -> {
        byte[] bytes = group.getBinary(index, at).getBytes();
        if (logical instanceof DecimalLogicalTypeAnnotation)
          yield JSON.numberNode(new BigDecimal(new BigInteger(bytes), scale));
        boolean text =
            logical instanceof StringLogicalTypeAnnotation
                || logical instanceof LogicalTypeAnnotation.EnumLogicalTypeAnnotation
                || logical instanceof LogicalTypeAnnotation.JsonLogicalTypeAnnotation;
        yield text ? JSON.textNode(group.getString(index, at)) : JSON.binaryNode(bytes);
      }
    };
  }
}
