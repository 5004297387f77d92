package dev.turnstone.server.http;

import com.fasterxml.jackson.databind.JsonNode;

/// How a wire writes an error.
@FunctionalInterface
public interface ErrorShape {
  /// `{"error": {"message", "type", "param", "code"}}`, OpenAI's and our own.
  ErrorShape OPENAI = Refused::body;

  JsonNode body(Refused refused);
}
