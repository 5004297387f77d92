package dev.turnstone.engine.chat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.engine.ModelException;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolSpec;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Objects;

/// What the tests of this package share: golden files and the tiny model folder.
final class Golden {
  static final Path TINY = Path.of("../models/tiny");
  static final ToolSpec PYTHON =
      new ToolSpec(
          "python",
          "Runs Python.",
          new Json(
              """
              {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}\
              """));

  private Golden() {}

  static JsonNode read(String name) throws IOException {
    try (InputStream in = Golden.class.getResourceAsStream("/chat/" + name)) {
      return new ObjectMapper().readTree(Objects.requireNonNull(in, name));
    }
  }

  static Tokenizer tokenizer() throws ModelException {
    return Tokenizer.load(TINY);
  }
}
