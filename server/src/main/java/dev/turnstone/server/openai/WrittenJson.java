package dev.turnstone.server.openai;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonSerializable;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.jsontype.TypeSerializer;
import java.io.IOException;

/// Part of a reply that is written as it stands, without a tree: a tree of the ids of a long prompt
/// is ten times its text.
@FunctionalInterface
interface WrittenJson extends JsonSerializable {
  void write(JsonGenerator json) throws IOException;

  @Override
  default void serialize(JsonGenerator json, SerializerProvider serializers) throws IOException {
    write(json);
  }

  @Override
  default void serializeWithType(
      JsonGenerator json, SerializerProvider serializers, TypeSerializer types) throws IOException {
    write(json);
  }
}
