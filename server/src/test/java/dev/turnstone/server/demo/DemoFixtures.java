package dev.turnstone.server.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/// What a server and a trainer would have told the demo.
final class DemoFixtures {
  private DemoFixtures() {}

  static JsonNode json(String text) {
    try {
      return DemoClient.JSON.readTree(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// A finished group of two rollouts, of which the first called a tool.
  static ObjectNode group(String name, int seq, double reward) {
    return (ObjectNode)
        json(
            String.format(
                Locale.ROOT,
                """
                {"group":"%s","state":"complete","seq":%d,"task":{"messages":[]},"rollouts":[
                 {"group":"%s","index":0,"attempt":0,"stop":"answer","reward":%f,"turns":2,"tool_calls":1,
                  "generated_tokens":30,"length":90,"version_min":0,"version_max":1,"wall_ms":5},
                 {"group":"%s","index":1,"attempt":0,"stop":"environment_lost","reward":null,"turns":1,
                  "tool_calls":0,"generated_tokens":10,"length":50,"version_min":0,"version_max":0,"wall_ms":5}]}
                """,
                name,
                seq,
                name,
                reward,
                name));
  }

  /// A line of the trainer's metrics.
  ///
  /// @param seq of the last group it took, of two
  static String metrics(int step, int seq, double mismatch, int tokens) {
    return String.format(
        Locale.ROOT,
        "{\"step\":%d,\"version\":%d,\"seq\":%d,\"groups\":2,\"mismatch_k3\":%e,\"mismatch_tokens\":%d}\n",
        step,
        step,
        seq,
        mismatch,
        tokens);
  }

  /// Steps whose reward rises from 0.1 by 0.1.
  static List<DemoStep> steps(int count) {
    return IntStream.range(0, count)
        .mapToObj(i ->
            new DemoStep(
                i + 1,
                json(metrics(i + 1, i + 1, 1e-9 * (i + 1), 100)),
                List.of(DemoGroup.of(group("g-" + i, i + 1, (i + 1) / 10.0)))))
        .toList();
  }

  static JsonNode trajectory() {
    return json(
        """
        {"run":"demo","group":"g-0","index":0,"attempt":0,"stop":"answer","reward":1.0,
         "stats":{"tool_calls":1},"transcript":[],"rows":[{"branch":0,"prompt_length":2,
         "ids":[1,2,3,4],"texts":["<|im_start|>","a & b","x < y","\\n"],"mask":[0,0,1,0],
         "logprobs":[0,0,-0.6931,-3.0],"versions":{"starts":[0,2],"values":[-1,7]},
         "turns":{"starts":[0,2],"values":[-1,0]}}]}
        """);
  }
}
