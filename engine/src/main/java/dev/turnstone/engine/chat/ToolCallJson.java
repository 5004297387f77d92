package dev.turnstone.engine.chat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.io.JsonEOFException;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolCall;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;

/// A call written as `{"name": …, "arguments": …}`, which most formats share.
///
/// @param arguments a JSON object, as the policy wrote it
/// @param end where the text goes on after the object
record ToolCallJson(String name, Json arguments, int end) {
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /// Why a call cannot be read, in words for the policy.
  static final class Unreadable extends Exception {
    private static final long serialVersionUID = 1;

    private final String why;

    Unreadable(String why) {
      super(why);
      this.why = why;
    }

    String why() {
      return why;
    }
  }

  /// Reads the object that begins at `from`, after white space.
  static ToolCallJson read(String text, int from) throws Unreadable {
    String rest = text.substring(from);
    if (!rest.stripLeading().startsWith("{"))
      throw new Unreadable("expected a JSON object, got " + excerpt(rest, 0));
    try (JsonParser parser = JSON.createParser(rest)) {
      parser.nextToken();
      Optional<String> name = Optional.empty();
      Optional<Json> arguments = Optional.empty();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String field = parser.currentName();
        JsonToken value = parser.nextToken();
        if (field.equals("name")) name = Optional.of(name(parser, value));
        else if (field.equals("arguments")) arguments = Optional.of(arguments(parser, value, rest));
        else parser.skipChildren();
      }
      int end = from + offset(parser);
      if (name.isEmpty()) throw new Unreadable("the call has no \"name\"");
      if (arguments.isEmpty()) throw new Unreadable("the call has no \"arguments\"");
      return new ToolCallJson(name.get(), arguments.get(), end);
    } catch (JsonEOFException _) {
      throw new Unreadable("the JSON object is cut off");
    } catch (JsonProcessingException e) {
      throw new Unreadable("not JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new UncheckedIOException("reading a string cannot fail", e);
    }
  }

  ToolCall call(String id) {
    return new ToolCall(id, name, arguments);
  }

  private static String name(JsonParser parser, JsonToken value) throws IOException, Unreadable {
    if (value != JsonToken.VALUE_STRING || parser.getText().isBlank())
      throw new Unreadable("\"name\" must be the name of a tool");
    return parser.getText();
  }

  /// The object itself, or the one that a string holds.
  private static Json arguments(JsonParser parser, JsonToken value, String source)
      throws IOException, Unreadable {
    if (value == JsonToken.VALUE_STRING) return held(parser.getText());
    if (value != JsonToken.START_OBJECT)
      throw new Unreadable("\"arguments\" must be a JSON object");
    int start = (int) parser.currentTokenLocation().getCharOffset();
    parser.skipChildren();
    return new Json(source.substring(start, offset(parser)));
  }

  private static Json held(String text) throws IOException, Unreadable {
    try (JsonParser parser = JSON.createParser(text)) {
      if (parser.nextToken() != JsonToken.START_OBJECT)
        throw new Unreadable("\"arguments\" is a string that holds no JSON object");
      parser.skipChildren();
      if (parser.nextToken() != null)
        throw new Unreadable("\"arguments\" is a string with more than a JSON object");
      return new Json(text.strip());
    }
  }

  private static int offset(JsonParser parser) {
    return (int) parser.currentLocation().getCharOffset();
  }

  /// The first characters from `at` on, for an error.
  static String excerpt(String text, int at) {
    String rest = text.substring(at).strip();
    return rest.isEmpty() ? "nothing" : rest.length() <= 40 ? rest : rest.substring(0, 40) + "…";
  }
}
