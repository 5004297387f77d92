package dev.turnstone.engine.chat.tools;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.io.JsonEOFException;
import dev.turnstone.rollout.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.Set;

/// A call written as `{"name": …, "arguments": …}`, which most formats share.
///
/// @param arguments a JSON object, as the policy wrote it
record CallJson(Optional<String> name, Optional<Json> arguments) {
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /// Reads the object at the cursor, after white space.
  ///
  /// @param argumentNames names that the arguments may have
  /// @param call hears what is certain, also of an object that is cut off
  static CallJson read(Cursor cursor, Set<String> argumentNames, CallReader.Call call)
      throws Unreadable {
    return at(
        cursor,
        call,
        (parser, source) -> {
          Optional<String> name = Optional.empty();
          Optional<Json> arguments = Optional.empty();
          while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            if (field.equals("name")) {
              name = Optional.of(name(parser, value));
              call.named(name.get());
            } else if (argumentNames.contains(field)) {
              arguments = Optional.of(arguments(parser, value, field, source, call));
            } else parser.skipChildren();
          }
          return new CallJson(name, arguments);
        });
  }

  /// Reads an object that is all arguments.
  static Json arguments(Cursor cursor, CallReader.Call call) throws Unreadable {
    return at(cursor, call, (parser, source) -> whole(parser, source, 0, call));
  }

  /// The object that the parser is at the beginning of.
  private static Json whole(JsonParser parser, String source, int start, CallReader.Call call)
      throws IOException {
    try {
      parser.skipChildren();
    } catch (JsonEOFException e) {
      call.soFar(source.substring(start));
      throw e;
    }
    String object = source.substring(start, offset(parser));
    call.soFar(object);
    return new Json(object);
  }

  /// The object or list at the cursor as the policy wrote it; nothing is read if it is not JSON.
  static Optional<String> container(Cursor cursor) {
    if (cursor.peek() != '{' && cursor.peek() != '[') return Optional.empty();
    String source = cursor.text().substring(cursor.at());
    try (JsonParser parser = JSON.createParser(source)) {
      parser.nextToken();
      parser.skipChildren();
      int length = offset(parser);
      cursor.moveTo(cursor.at() + length);
      return Optional.of(source.substring(0, length));
    } catch (IOException _) {
      return Optional.empty();
    }
  }

  /// Whether a text is one JSON value and nothing else.
  static boolean isValue(String text) {
    try (JsonParser parser = JSON.createParser(text)) {
      if (parser.nextToken() == null) return false;
      parser.skipChildren();
      return parser.nextToken() == null;
    } catch (IOException _) {
      return false;
    }
  }

  private interface Reader<T> {
    T read(JsonParser parser, String source) throws IOException, Unreadable;
  }

  private static <T> T at(Cursor cursor, CallReader.Call call, Reader<T> reader) throws Unreadable {
    cursor.skipSpace();
    if (cursor.peek() != '{')
      throw new Unreadable("expected a JSON object, got " + cursor.excerpt());
    String source = cursor.text().substring(cursor.at());
    try (JsonParser parser = JSON.createParser(source)) {
      parser.nextToken();
      T read = reader.read(parser, source);
      cursor.moveTo(cursor.at() + offset(parser));
      return read;
    } catch (JsonEOFException _) {
      throw new Unreadable("the JSON object is cut off");
    } catch (JsonProcessingException e) {
      call.soFar("");
      throw new Unreadable("not JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new UncheckedIOException("reading a string cannot fail", e);
    }
  }

  private static String name(JsonParser parser, JsonToken value) throws IOException, Unreadable {
    if (value != JsonToken.VALUE_STRING || parser.getText().isBlank())
      throw new Unreadable("\"name\" must be the name of a tool");
    return parser.getText();
  }

  /// The object itself, or the one that a string holds.
  private static Json arguments(
      JsonParser parser, JsonToken value, String field, String source, CallReader.Call call)
      throws IOException, Unreadable {
    if (value == JsonToken.VALUE_STRING) return held(parser.getText(), field);
    if (value != JsonToken.START_OBJECT)
      throw new Unreadable("\"" + field + "\" must be a JSON object");
    return whole(parser, source, (int) parser.currentTokenLocation().getCharOffset(), call);
  }

  private static Json held(String text, String field) throws IOException, Unreadable {
    try (JsonParser parser = JSON.createParser(text)) {
      if (parser.nextToken() != JsonToken.START_OBJECT)
        throw new Unreadable("\"" + field + "\" is a string that holds no JSON object");
      parser.skipChildren();
      if (parser.nextToken() != null)
        throw new Unreadable("\"" + field + "\" is a string with more than a JSON object");
      return new Json(text.strip());
    }
  }

  private static int offset(JsonParser parser) {
    return (int) parser.currentLocation().getCharOffset();
  }
}
