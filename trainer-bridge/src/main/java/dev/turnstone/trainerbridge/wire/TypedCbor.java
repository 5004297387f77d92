package dev.turnstone.trainerbridge.wire;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.POJONode;
import com.fasterxml.jackson.dataformat.cbor.CBORFactory;
import com.fasterxml.jackson.dataformat.cbor.CBORParser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// A JSON tree as CBOR, in which arrays of numbers are RFC 8746 typed arrays: `int[]` is tag 78
/// (i32 little-endian), `float[]` tag 85 (f32 little-endian) and `byte[]` tag 64 (u8).
///
/// In the tree, `int[]` and `float[]` are [POJONode]s and `byte[]` is a [BinaryNode]. Maps and
/// lists have definite lengths and keep their order, so equal trees have equal bytes.
public final class TypedCbor {
  static final int U8 = 64;
  static final int I32_LE = 78;
  static final int F32_LE = 85;
  private static final CBORFactory FACTORY =
      CBORFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder().maxStringLength(1 << 28).maxNestingDepth(64).build())
          .build();

  private TypedCbor() {}

  static byte[] encode(JsonNode tree) {
    CborWriter writer = new CborWriter(CborWriter.estimate(tree));
    writer.write(tree);
    return writer.bytes();
  }

  /// Reads one CBOR item.
  ///
  /// @throws IllegalArgumentException if the bytes are anything else, or hold another tag
  static JsonNode decode(byte[] bytes) {
    try (CBORParser cbor = FACTORY.createParser(bytes)) {
      if (cbor.nextToken() == null) throw new IllegalArgumentException("no CBOR item");
      JsonNode tree = read(cbor);
      if (cbor.nextToken() != null) throw new IllegalArgumentException("bytes after the CBOR item");
      return tree;
    } catch (IOException e) {
      throw new IllegalArgumentException("not CBOR: " + e.getMessage(), e);
    }
  }

  private static JsonNode read(CBORParser cbor) throws IOException {
    JsonNodeFactory nodes = JsonNodeFactory.instance;
    JsonToken token = cbor.currentToken();
    int tag = cbor.getCurrentTag();
    if (tag >= 0 && token != JsonToken.VALUE_EMBEDDED_OBJECT)
      throw new IllegalArgumentException("CBOR tag " + tag + " on " + token);
    return switch (token) {
      case START_OBJECT -> object(cbor);
      case START_ARRAY -> list(cbor);
      case VALUE_EMBEDDED_OBJECT -> array(tag, cbor.getBinaryValue());
      case VALUE_STRING -> nodes.textNode(cbor.getText());
      case VALUE_TRUE -> nodes.booleanNode(true);
      case VALUE_FALSE -> nodes.booleanNode(false);
      case VALUE_NULL -> nodes.nullNode();
      case VALUE_NUMBER_FLOAT -> nodes.numberNode(cbor.getDoubleValue());
      case VALUE_NUMBER_INT ->
          cbor.getNumberType() == JsonParser.NumberType.BIG_INTEGER
              ? nodes.numberNode(cbor.getBigIntegerValue())
              : nodes.numberNode(cbor.getLongValue());
      default -> throw new IllegalArgumentException("unexpected CBOR " + token);
    };
  }

  private static ObjectNode object(CBORParser cbor) throws IOException {
    ObjectNode object = JsonNodeFactory.instance.objectNode();
    while (cbor.nextToken() != JsonToken.END_OBJECT) {
      String name = cbor.currentName();
      cbor.nextToken();
      if (object.has(name)) throw new IllegalArgumentException("CBOR key twice: " + name);
      object.set(name, read(cbor));
    }
    return object;
  }

  private static ArrayNode list(CBORParser cbor) throws IOException {
    ArrayNode list = JsonNodeFactory.instance.arrayNode();
    while (cbor.nextToken() != JsonToken.END_ARRAY) list.add(read(cbor));
    return list;
  }

  private static JsonNode array(int tag, byte[] bytes) {
    return switch (tag) {
      case U8 -> BinaryNode.valueOf(bytes);
      case I32_LE -> new POJONode(ints(bytes));
      case F32_LE -> new POJONode(floats(bytes));
      default -> throw new IllegalArgumentException("CBOR bytes with tag " + tag);
    };
  }

  private static int[] ints(byte[] bytes) {
    requireWholeWords(bytes);
    int[] values = new int[bytes.length / 4];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(values);
    return values;
  }

  private static float[] floats(byte[] bytes) {
    requireWholeWords(bytes);
    float[] values = new float[bytes.length / 4];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  private static void requireWholeWords(byte[] bytes) {
    if (bytes.length % 4 != 0)
      throw new IllegalArgumentException("typed array of " + bytes.length + " bytes");
  }
}
