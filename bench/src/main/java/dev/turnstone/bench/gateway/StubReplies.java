package dev.turnstone.bench.gateway;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What the engine stub says, made once and said often.
final class StubReplies {
  private static final Pattern TEMPERATURE = Pattern.compile("\"temperature\": ?([0-9.eE-]+)");
  private static final int TOPS = 6;

  /// Ids of the longest prompt.
  private static final int PROMPT = 1 << 14;

  private final List<Integer> ids;
  private final String text;
  private final Map<Integer, byte[]> streams = new ConcurrentHashMap<>();
  private final Map<Integer, byte[]> chats = new ConcurrentHashMap<>();
  private final byte[] promptIds;
  private final int[] promptEnds = new int[PROMPT];

  /// @param ids that it says over and over
  /// @param text of all of them
  StubReplies(List<Integer> ids, String text) {
    this.ids = List.copyOf(ids);
    this.text = text;
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < PROMPT; i++) {
      all.append(i == 0 ? "" : ",").append(id(i));
      promptEnds[i] = all.length();
    }
    this.promptIds = all.toString().getBytes(StandardCharsets.US_ASCII);
  }

  static String models(String name, int context) {
    return """
    {"object":"list","data":[{"id":"%s","object":"model","created":1,"owned_by":"stub","max_model_len":%d}]}\
    """
        .formatted(name, context);
  }

  static String metrics() {
    return """
    vllm:num_requests_running{engine="0",model_name="stub"} 0.0
    vllm:num_requests_waiting{engine="0",model_name="stub"} 0.0
    vllm:kv_cache_usage_perc{engine="0",model_name="stub"} 0.0
    """;
  }

  private int id(int position) {
    return ids.get(position % ids.size());
  }

  private static String logprob(int position) {
    return EngineStub.decimal(-0.1 - (position % 17) / 10.0);
  }

  /// One event of vLLM's stream of ids.
  byte[] event(int from, int to, int end) {
    StringBuilder list = new StringBuilder();
    StringBuilder logprobs = new StringBuilder();
    for (int i = from; i < to; i++) {
      list.append(i == from ? "" : ",").append(id(i));
      logprobs.append(i == from ? "" : ",").append(entry(id(i), logprob(i), ""));
    }
    return event(list.toString(), logprobs.toString(), to == end ? "\"length\"" : "null");
  }

  private static String entry(int id, String logprob, String tops) {
    return "{\"token\":\"token_id:%d\",\"logprob\":%s,\"bytes\":null,\"top_logprobs\":[%s]}"
        .formatted(id, logprob, tops);
  }

  private static byte[] event(String ids, String logprobs, String finish) {
    return ("data: {\"request_id\":\"r\",\"choices\":[{\"index\":0,\"token_ids\":[%s],"
            + "\"logprobs\":{\"content\":[%s]},\"finish_reason\":%s}]}\n\n")
        .formatted(ids, logprobs, finish)
        .getBytes(StandardCharsets.UTF_8);
  }

  /// A whole stream.
  byte[] events(int count, int perEvent) {
    return streams.computeIfAbsent(
        count,
        n -> {
          StringBuilder all = new StringBuilder();
          for (int from = 0; from < n; from += perEvent)
            all.append(
                new String(event(from, Math.min(n, from + perEvent), n), StandardCharsets.UTF_8));
          return all.append("data: [DONE]\n\n").toString().getBytes(StandardCharsets.UTF_8);
        });
  }

  /// A single token with log-probabilities as a softmax at the temperature that is asked for, as
  /// whoever wants to know what they mean must see it.
  String probe(String body) {
    Matcher asked = TEMPERATURE.matcher(body);
    double temperature = asked.find() ? Math.max(0.01, Double.parseDouble(asked.group(1))) : 1;
    double sum = 0;
    for (int i = 0; i < TOPS; i++) sum += Math.exp(-i / temperature);
    StringBuilder tops = new StringBuilder();
    String sampled = "";
    for (int i = 0; i < TOPS; i++) {
      String logprob = EngineStub.decimal(-i / temperature - Math.log(sum));
      if (i == 0) sampled = logprob;
      tops.append(i == 0 ? "" : ",").append(entry(id(i), logprob, ""));
    }
    return new String(
            event(Integer.toString(id(0)), entry(id(0), sampled, tops.toString()), "\"length\""),
            StandardCharsets.UTF_8)
        + "data: [DONE]\n\n";
  }

  /// A chat completion with ids and log-probabilities, and as many ids of a prompt, which an engine
  /// that is asked for ids says too.
  byte[] chat(int count, int prompt) {
    byte[] head = chats.computeIfAbsent(count, this::choice);
    int ids = Math.clamp(prompt, 1, PROMPT);
    byte[] tail =
        "],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d,\"total_tokens\":%d}}"
            .formatted(ids, count, ids + count)
            .getBytes(StandardCharsets.US_ASCII);
    byte[] all = Arrays.copyOf(head, head.length + promptEnds[ids - 1] + tail.length);
    System.arraycopy(promptIds, 0, all, head.length, promptEnds[ids - 1]);
    System.arraycopy(tail, 0, all, all.length - tail.length, tail.length);
    return all;
  }

  private byte[] choice(int count) {
    StringBuilder list = new StringBuilder();
    StringBuilder logprobs = new StringBuilder();
    for (int i = 0; i < count; i++) {
      list.append(i == 0 ? "" : ",").append(id(i));
      logprobs.append(i == 0 ? "" : ",").append(entry(id(i), logprob(i), ""));
    }
    return ("{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1,"
            + "\"model\":\"stub\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
            + "\"assistant\",\"content\":\"%s\"},\"logprobs\":{\"content\":[%s]},"
            + "\"token_ids\":[%s],\"finish_reason\":\"length\"}],\"prompt_token_ids\":[")
        .formatted(text, logprobs, list)
        .getBytes(StandardCharsets.UTF_8);
  }

  /// How many tokens a text of so many bytes has, as far as what it says itself tells.
  int tokens(int bytes) {
    return (int) ((long) bytes * ids.size() / text.length());
  }
}
