package dev.turnstone.server.openai;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.SerializedString;
import com.fasterxml.jackson.databind.JsonSerializable;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.PromptLogprobs;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Choice.Token;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Wire;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;

/// Tokens, their ids, log-probabilities and counts as OpenAI's and vLLM's JSON.
///
/// @param asIds whether tokens are written as `token_id:ID`
public record TokenJson(Served served, boolean asIds) {
  private static final double LEAST_LOGPROB = -9999;
  private static final SerializableString TOKEN = new SerializedString("token");
  private static final SerializableString LOGPROB = new SerializedString("logprob");
  private static final SerializableString BYTES = new SerializedString("bytes");
  private static final SerializableString TOP_LOGPROBS = new SerializedString("top_logprobs");
  private static final HexFormat HEX = HexFormat.of().withPrefix("\\x");

  /// JSON has no infinity.
  public static double finite(float logprob) {
    return Float.isNaN(logprob) ? LEAST_LOGPROB : Math.max(logprob, LEAST_LOGPROB);
  }

  /// A token's text; bytes that are no text by themselves are U+FFFD.
  String name(int id) {
    return asIds ? "token_id:" + id : new String(served.texts().bytes(id), StandardCharsets.UTF_8);
  }

  /// A token's text as a key that no other token shares: OpenAI's `bytes:\xe2\x82` where it is
  /// none.
  String key(int id) {
    if (asIds) return name(id);
    byte[] bytes = served.texts().bytes(id);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      return "bytes:" + HEX.formatHex(bytes);
    }
  }

  /// A chat's `logprobs.content`.
  ///
  /// @param top how many of the most probable tokens each entry has
  public JsonSerializable content(List<Token> tokens, int top) {
    return (WrittenJson)
        json -> {
          json.writeStartArray();
          for (Token token : tokens) {
            entry(json, token.id(), token.logprob());
            json.writeFieldName(TOP_LOGPROBS);
            json.writeStartArray();
            TopLogprobs most = token.top();
            for (int i = 0; i < Math.min(top, most.ids().size()); i++) {
              entry(json, most.ids().get(i), most.logprobs().get(i));
              json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
          }
          json.writeEndArray();
        };
  }

  private void entry(JsonGenerator json, int id, float logprob) throws IOException {
    byte[] bytes = served.texts().bytes(id);
    json.writeStartObject();
    json.writeFieldName(TOKEN);
    json.writeString(asIds ? "token_id:" + id : new String(bytes, StandardCharsets.UTF_8));
    json.writeFieldName(LOGPROB);
    json.writeNumber(finite(logprob));
    json.writeFieldName(BYTES);
    json.writeStartArray();
    for (byte b : bytes) json.writeNumber(Byte.toUnsignedInt(b));
    json.writeEndArray();
  }

  /// vLLM's `prompt_logprobs`: per position a map from id to logprob, rank and text; the first is
  /// null.
  public ArrayNode prompt(Tokens prompt, PromptLogprobs scores) {
    ArrayNode list = Wire.JSON.createArrayNode();
    for (int i = 0; i < prompt.size(); i++) {
      if (i == 0) {
        list.addNull();
        continue;
      }
      ObjectNode position = list.addObject();
      TopLogprobs top = scores.tops().get(i);
      ranked(position, prompt.get(i), scores.logprobs().get(i), top.rank());
      for (int k = 0; k < top.ids().size(); k++)
        if (top.ids().get(k) != prompt.get(i))
          ranked(position, top.ids().get(k), top.logprobs().get(k), k + 1);
    }
    return list;
  }

  private void ranked(ObjectNode position, int id, float logprob, int rank) {
    position
        .putObject(Integer.toString(id))
        .put("logprob", finite(logprob))
        .put("rank", rank)
        .put("decoded_token", name(id));
  }

  /// The ids of sampled tokens.
  public static JsonSerializable ids(List<Token> tokens) {
    return (WrittenJson)
        json -> {
          json.writeStartArray();
          for (Token token : tokens) json.writeNumber(token.id());
          json.writeEndArray();
        };
  }

  /// The ids of a prompt.
  public static JsonSerializable ids(Tokens tokens) {
    return (WrittenJson)
        json -> {
          byte[] written = tokens.toJson();
          if (json.getOutputTarget() instanceof OutputStream out) {
            json.writeRawValue(""); // what stands between it and the value before
            json.flush();
            out.write(written);
          } else {
            json.writeRawValue(new String(written, StandardCharsets.US_ASCII));
          }
        };
  }

  /// Which policy version sampled which ids, as runs.
  public static void versions(ObjectNode json, Choice choice) {
    RunLength<Integer> versions = choice.versions();
    ObjectNode runs = json.putObject("policy_versions");
    versions.starts().forEach(runs.putArray("starts")::add);
    versions.values().forEach(runs.putArray("values")::add);
  }

  /// OpenAI's `system_fingerprint`: which weights begin to answer.
  static String fingerprint(Served served) {
    WeightsId weights = served.policy().weights();
    return "fp_%s_%d".formatted(weights.lineage(), weights.version());
  }

  /// OpenAI's `usage` of a request; each prompt counts once.
  public static ObjectNode usage(List<Choice> choices) {
    int prompt = 0;
    int generated = 0;
    for (Choice choice : choices) {
      generated += choice.tokens().size();
      if (choice.number() == 0) prompt += choice.ask().prompt().size();
    }
    ObjectNode usage =
        Wire.JSON
            .createObjectNode()
            .put("prompt_tokens", prompt)
            .put("completion_tokens", generated)
            .put("total_tokens", prompt + generated);
    usage
        .putObject("prompt_tokens_details")
        .put("cached_tokens", choices.stream().mapToInt(Choice::cached).max().orElse(0));
    return usage;
  }
}
