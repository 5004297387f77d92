package dev.turnstone.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.chat.tools.ReasoningTags;
import dev.turnstone.engine.chat.tools.ToolFormat;
import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.http.Wire;
import dev.turnstone.upstream.EngineSpec;
import dev.turnstone.upstream.EngineSpec.WeightsBy;
import dev.turnstone.upstream.TokenSpace;
import dev.turnstone.upstream.UpstreamConfig;
import dev.turnstone.upstream.UpstreamPolicy;
import dev.turnstone.upstream.UpstreamPolicy.NoEngine;
import dev.turnstone.upstream.routing.Routing;
import java.util.Optional;

/// The `policy` of a configuration: engines elsewhere, and whose tokenizer they have.
///
/// @param tokenizer a folder, or the name of a model on the hub
record PolicySettings(UpstreamConfig engines, String tokenizer) {
  /// Reads the settings under `policy`; empty if there are none.
  ///
  /// @throws StartupError if a name is unknown or a value cannot be
  static Optional<PolicySettings> read(JsonNode node) {
    Settings given = new Settings(node, "policy.");
    if (node.isEmpty()) return Optional.empty();
    String tokenizer = given.text("tokenizer", "");
    try {
      UpstreamConfig usual = UpstreamConfig.of(given.each("engines", PolicySettings::spec));
      UpstreamConfig config =
          new UpstreamConfig(
              usual.engines(),
              given.word("routing", usual.routing(), Routing.class),
              given.integer("first_concurrency", (int) usual.firstConcurrency(), 1, 100_000),
              given.integer("max_concurrency", (int) usual.maxConcurrency(), 1, 100_000),
              given.seconds("start_wait_s", usual.startWait().toMillis() / 1000.0),
              given.seconds("engine_wait_s", usual.engineWait().toMillis() / 1000.0),
              given.seconds("stall_s", usual.stall().toMillis() / 1000.0),
              given.seconds("watch_s", usual.watch().toMillis() / 1000.0));
      given.checkAllKnown();
      if (tokenizer.isEmpty())
        throw new StartupError(
            "say which tokenizer the engines have: --tokenizer FOLDER, or policy.tokenizer");
      return Optional.of(new PolicySettings(config, tokenizer));
    } catch (IllegalArgumentException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    }
  }

  private static EngineSpec spec(JsonNode node) {
    Settings given = new Settings(node, "policy.engines.");
    EngineSpec spec =
        new EngineSpec(
            EngineSpec.kind(given.text("kind", "")),
            EngineSpec.uri(given.text("url", "")),
            key(given),
            given.flag("dns", false),
            given.word("weights", WeightsBy.DISK, WeightsBy.class));
    given.checkAllKnown();
    return spec;
  }

  private static Optional<String> key(Settings given) {
    String variable = given.text("api_key_variable", "");
    String key = given.text("api_key", "");
    if (variable.isEmpty()) return Optional.of(key).filter(value -> !value.isEmpty());
    return Optional.of(
        Optional.ofNullable(System.getenv(variable))
            .orElseThrow(() ->
                new StartupError(
                    "policy.engines.api_key_variable names %s, which is not set"
                        .formatted(variable))));
  }

  /// The entry of `policy.engines` that `vllm=URL` stands for.
  static ObjectNode engine(String text) {
    try {
      EngineSpec spec = EngineSpec.parse(text);
      return Wire.JSON
          .createObjectNode()
          .put("kind", spec.kind().name())
          .put("url", spec.url().toString());
    } catch (IllegalArgumentException e) {
      throw new StartupError("--engine: " + e.getMessage());
    }
  }

  /// Asks the engines whether they may serve. The caller closes the policy.
  ///
  /// @throws StartupError with one sentence, if none may
  Served load(Optional<ToolFormat> format, Optional<ReasoningTags> tags) {
    return ModelFolder.findTokenizer(tokenizer, System.getenv()).serve(this::open, format, tags);
  }

  private TrainablePolicy open(TokenSpace space) {
    try {
      return UpstreamPolicy.open(engines, space);
    } catch (NoEngine e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StartupError("the start was interrupted");
    }
  }
}
