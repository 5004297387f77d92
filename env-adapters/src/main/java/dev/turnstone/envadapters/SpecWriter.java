package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.Endpoint;
import dev.turnstone.envadapters.peer.HeaderValue;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.rewards.RewardEntry;
import dev.turnstone.envadapters.tools.CallRules;
import dev.turnstone.envadapters.tools.ToolEntry;
import dev.turnstone.envadapters.tools.ToolEntry.Chosen;
import dev.turnstone.envadapters.tools.ToolEntry.Document;
import dev.turnstone.envadapters.tools.ToolEntry.McpPlace;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/// Writes a registration as JSON with every default in it. The inverse of [SpecReader].
final class SpecWriter {
  private SpecWriter() {}

  static ObjectNode environment(EnvironmentSpec spec) {
    ObjectNode json = JsonText.object().put("environment", spec.environment());
    ArrayNode tools = json.putArray("tools");
    spec.tools().forEach(tool -> tool(tools.addObject(), tool));
    ArrayNode rewards = json.putArray("rewards");
    spec.rewards().forEach(reward -> reward(rewards.addObject(), reward));
    return json;
  }

  private static void tool(ObjectNode json, ToolEntry entry) {
    json.put("kind", entry.kind()).put("name", entry.name());
    switch (entry) {
      case ToolEntry.Sandbox tool -> {
        json.put("description", tool.description());
        endpoint(json, tool.endpoint());
        json.put("language", tool.language())
            .put("argument", tool.argument())
            .put("memory_limit_mb", tool.memoryLimitMb());
        ArrayNode hosts = json.putArray("network");
        tool.network().forEach(hosts::add);
      }
      case ToolEntry.Http tool -> {
        json.put("description", tool.description());
        endpoint(json, tool.endpoint());
        json.put("method", tool.method().name());
        json.set("parameters", JsonText.readOwn(tool.parameters()));
        json.put("on_timeout", tool.onTimeout().wire());
      }
      case ToolEntry.OpenApi tool -> {
        endpoint(json, tool.endpoint());
        switch (tool.document()) {
          case Document.Inline(var document) -> json.set("document", JsonText.readOwn(document));
          case Document.At(String url) -> json.put("document_url", url);
        }
        chosen(json, tool.chosen());
        json.put("on_timeout", tool.onTimeout().wire());
      }
      case ToolEntry.Mcp tool -> {
        mcp(json, tool.server());
        seconds(json, tool.timeout());
        chosen(json, tool.chosen());
        json.put("on_timeout", tool.onTimeout().wire());
      }
      case ToolEntry.OpenEnv tool -> {
        endpoint(json, tool.endpoint());
        json.put("tool", tool.tool()).put("on_timeout", tool.onTimeout().wire());
      }
      case ToolEntry.NemoGym tool -> {
        endpoint(json, tool.endpoint());
        json.put("style", tool.style().wire()).put("on_timeout", tool.onTimeout().wire());
      }
    }
    rules(json, entry.rules());
  }

  private static void mcp(ObjectNode json, McpPlace place) {
    switch (place) {
      case McpPlace.Remote(Endpoint endpoint, McpPlace.Wire wire) -> {
        endpoint(json, endpoint);
        json.put("transport", wire.wire());
      }
      case McpPlace.Command command -> {
        ArrayNode words = json.putArray("command");
        command.command().forEach(words::add);
        values(json, "env", command.variables());
        ArrayNode paths = json.putArray("read_only");
        command.readOnly().stream().map(Path::toString).forEach(paths::add);
        json.put("network", command.network());
      }
    }
  }

  private static void chosen(ObjectNode json, Chosen chosen) {
    ArrayNode names = json.putArray("tools");
    chosen.names().forEach(names::add);
    if (!chosen.prefix().isEmpty()) json.put("prefix", chosen.prefix());
  }

  private static void rules(ObjectNode json, CallRules rules) {
    json.put("idempotent", rules.idempotent())
        .put("parallel", rules.parallel())
        .put("concurrency", rules.concurrency())
        .put("rate_per_s", rules.ratePerSecond())
        .put("max_output_tokens", rules.output().maxTokens())
        .put("keep", rules.output().keep().wire());
  }

  private static void reward(ObjectNode json, RewardEntry entry) {
    json.put("kind", entry.kind()).put("name", entry.name()).put("weight", entry.weight());
    entry.place().ifPresent(endpoint -> endpoint(json, endpoint));
    switch (entry) {
      case RewardEntry.ExactMatch part ->
          json.put("field", part.field()).put("normalize", part.normalize().wire());
      case RewardEntry.Numeric part ->
          json.put("field", part.field())
              .put("abs_tolerance", part.absTolerance())
              .put("rel_tolerance", part.relTolerance());
      case RewardEntry.Regex part -> {
        json.put("pattern", part.pattern());
        part.field().ifPresent(field -> json.put("field", field));
      }
      case RewardEntry.JsonEqual part -> json.put("field", part.field());
      case RewardEntry.CodeTests part ->
          json.put("language", part.language())
              .put("field", part.field())
              .put("memory_limit_mb", part.memoryLimitMb())
              .put("partial", part.partial());
      case RewardEntry.Http part -> json.put("idempotent", part.idempotent());
      case RewardEntry.Judge part -> {
        json.put("model", part.model()).put("rubric", part.rubric());
        part.field().ifPresent(field -> json.put("field", field));
        json.put("max_score", part.most()).put("max_tokens", part.maxTokens());
      }
      case RewardEntry.Steps _, RewardEntry.Own _ -> {}
    }
  }

  private static void endpoint(ObjectNode json, Endpoint endpoint) {
    json.put("url", endpoint.url());
    values(json, "headers", endpoint.headers());
    seconds(json, endpoint.timeout());
  }

  private static void seconds(ObjectNode json, Duration timeout) {
    json.put("timeout_s", timeout.toMillis() / 1000.0);
  }

  private static void values(ObjectNode json, String field, Map<String, HeaderValue> values) {
    if (values.isEmpty()) return;
    ObjectNode object = json.putObject(field);
    values.forEach((name, value) -> {
      switch (value) {
        case HeaderValue.Plain(String text) -> object.put(name, text);
        case HeaderValue.Secret(String env, String prefix) ->
            reference(object.putObject(name).put("env", env), prefix);
        case HeaderValue.SecretFile(Path file, String prefix) ->
            reference(object.putObject(name).put("file", file.toString()), prefix);
      }
    });
  }

  private static void reference(ObjectNode secret, String prefix) {
    if (!prefix.isEmpty()) secret.put("prefix", prefix);
  }
}
