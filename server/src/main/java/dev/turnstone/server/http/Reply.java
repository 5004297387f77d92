package dev.turnstone.server.http;

import com.fasterxml.jackson.databind.JsonNode;
import io.vertx.core.buffer.Buffer;

/// What an endpoint answers.
public sealed interface Reply {
  static Reply ok(JsonNode body) {
    return new Json(200, body);
  }

  record Json(int status, JsonNode body) implements Reply {}

  /// JSON that is written already, to be sent perhaps more than once.
  record Written(int status, Buffer body) implements Reply {
    public static Written of(Json json) {
      return new Written(json.status(), Buffer.buffer(Wire.bytes(json.body())));
    }
  }

  record Text(String contentType, String body) implements Reply {}

  record Empty() implements Reply {}

  /// Server-sent events; `body` runs on the request's thread after the head is sent.
  record Events(Body body) implements Reply {
    public interface Body {
      void write(EventStream out) throws InterruptedException, EventStream.Gone;
    }
  }
}
