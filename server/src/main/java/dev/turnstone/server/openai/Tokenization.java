package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import dev.turnstone.server.http.Wire;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;

/// `/tokenize`, `/detokenize` and `/tokenizer_info`. The names of the fields say whose client
/// calls: `prompt` or `messages` are vLLM's and SGLang's, `content` is llama.cpp's.
public final class Tokenization {
  private final Served served;

  public Tokenization(Served served) {
    this.served = served;
  }

  public List<Route> routes() {
    return Stream.of("", "/v1")
        .flatMap(prefix ->
            Stream.of(
                Route.post(prefix + "/tokenize", Scope.AGENT, "TokenizeRequest", this::tokenize),
                Route.post(
                    prefix + "/detokenize", Scope.AGENT, "DetokenizeRequest", this::detokenize),
                Route.get(prefix + "/tokenizer_info", Scope.AGENT, call -> info())))
        .toList();
  }

  private Reply tokenize(Call call) {
    JsonNode body = call.body();
    long given =
        Stream.of("prompt", "messages", "content").filter(name -> body.hasNonNull(name)).count();
    if (given != 1)
      throw Refused.bad("the body must have one of prompt, messages and content", "prompt");
    if (body.hasNonNull("content")) return content(body);
    if (body.hasNonNull("messages")) return Reply.ok(tokens(messages(body), body));
    boolean addSpecial = body.path("add_special_tokens").asBoolean(true);
    JsonNode prompt = body.get("prompt");
    if (prompt.isTextual())
      return Reply.ok(tokens(served.texts().encode(prompt.textValue(), addSpecial), body));
    return Reply.ok(batch(prompt, addSpecial));
  }

  private Tokens messages(JsonNode body) {
    List<Message> messages = ChatMessages.read(body.get("messages"));
    return served.prompt(
        messages, ChatMessages.tools(body.path("tools")), RenderingFields.read(body, messages));
  }

  private ObjectNode tokens(Tokens ids, JsonNode body) {
    ObjectNode reply =
        Wire.JSON
            .createObjectNode()
            .put("count", ids.size())
            .put("max_model_len", served.policy().contextLength());
    reply.putPOJO("tokens", TokenJson.ids(ids));
    if (body.path("return_token_strs").asBoolean(false)) {
      ArrayNode names = reply.putArray("token_strs");
      for (int i = 0; i < ids.size(); i++) names.add(name(ids.get(i)));
    } else {
      reply.putNull("token_strs");
    }
    return reply;
  }

  /// SGLang takes several texts at once.
  private ObjectNode batch(JsonNode prompts, boolean addSpecial) {
    ObjectNode reply = Wire.JSON.createObjectNode();
    ArrayNode counts = reply.putArray("count");
    ArrayNode lists = reply.putArray("tokens");
    for (JsonNode prompt : prompts) {
      Tokens ids = served.texts().encode(prompt.asText(), addSpecial);
      counts.add(ids.size());
      lists.addPOJO(TokenJson.ids(ids));
    }
    return reply.put("max_model_len", served.policy().contextLength());
  }

  private Reply content(JsonNode body) {
    boolean addSpecial = body.path("add_special").asBoolean(false);
    Tokens ids = served.texts().encode(body.get("content").asText(), addSpecial);
    ObjectNode reply = Wire.JSON.createObjectNode();
    ArrayNode list = reply.putArray("tokens");
    boolean pieces = body.path("with_pieces").asBoolean(false);
    for (int i = 0; i < ids.size(); i++)
      if (pieces) list.addObject().put("id", ids.get(i)).put("piece", name(ids.get(i)));
      else list.add(ids.get(i));
    return Reply.ok(reply);
  }

  private String name(int id) {
    return new String(served.texts().bytes(id), StandardCharsets.UTF_8);
  }

  /// vLLM's answer is `prompt`, SGLang's `text`, llama.cpp's `content`: all three at once.
  private Reply detokenize(Call call) {
    JsonNode tokens = call.body().path("tokens");
    boolean skip = call.body().path("skip_special_tokens").asBoolean(false);
    String text = tokens.isEmpty() ? "" : text(known(tokens), skip);
    return Reply.ok(
        Wire.JSON.createObjectNode().put("prompt", text).put("text", text).put("content", text));
  }

  private Tokens known(JsonNode tokens) {
    Tokens ids = PromptField.readIds(tokens, "tokens");
    int size = served.identity().vocabSize();
    for (int i = 0; i < ids.size(); i++)
      if (ids.get(i) >= size)
        throw Refused.bad(
            "tokens[%d] must be below %d, but is %d".formatted(i, size, ids.get(i)), "tokens");
    return ids;
  }

  private String text(Tokens ids, boolean skipSpecial) {
    Served.Decoder decoder = served.texts().decoder(skipSpecial);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < ids.size(); i++) text.append(decoder.push(ids.get(i)));
    return text.append(decoder.end()).toString();
  }

  /// What a remote tokenizer needs to know.
  private Reply info() {
    ObjectNode info = Wire.JSON.createObjectNode();
    info.put("tokenizer_class", "PreTrainedTokenizerFast")
        .put("model_max_length", served.policy().contextLength())
        .put("vocab_size", served.identity().vocabSize());
    ArrayNode ends = info.putArray("eos_token_ids");
    served.format().stopIds().stream().sorted().forEach(ends::add);
    int end = served.format().stopIds().stream().min(Integer::compare).orElseThrow();
    info.put("eos_token_id", end).put("eos_token", name(end));
    info.put("tokenizer_sha256", served.identity().tokenizerSha256());
    info.put("chat_template_sha256", served.identity().chatTemplateSha256());
    return Reply.ok(info);
  }
}
