package dev.turnstone.upstream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Tokens;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// A model whose next token is a function of the one before, of its position and of the weights'
/// version, so that a test can tell whether every token is the right one.
final class FakeModel {
  static final int VOCABULARY = 300;
  static final int STOP = 7;
  static final int CANDIDATES = 4;

  private FakeModel() {}

  static Tokens encode(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return Tokens.of(IntStream.range(0, bytes.length).map(i -> bytes[i] & 0xff).toArray());
  }

  static String decode(Tokens ids) {
    byte[] bytes = new byte[ids.size()];
    for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) ids.get(i);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /// The ids that can come next; no other one can.
  static List<Integer> candidates(int previous, int position, int version) {
    int first = Math.floorMod(31 * previous + 17 * position + 101 * version, 200);
    return IntStream.range(0, CANDIDATES).mapToObj(i -> 10 + (first + 50 * i) % 280).toList();
  }

  static double[] logprobs(int previous, int position, int version, double temperature) {
    int seed = 7 * previous + 3 * position + 5 * version;
    return normal(
        IntStream.range(0, CANDIDATES)
            .mapToDouble(i -> Math.floorMod(seed + 11 * i, 13) / 4.0 / temperature)
            .toArray());
  }

  private static double[] normal(double[] logits) {
    double sum = Math.log(Arrays.stream(logits).map(Math::exp).sum());
    return Arrays.stream(logits).map(l -> l - sum).toArray();
  }

  static int best(double[] logprobs) {
    int best = 0;
    for (int i = 1; i < logprobs.length; i++) if (logprobs[i] > logprobs[best]) best = i;
    return best;
  }

  /// Whether a request asks for anything that changes which tokens can be drawn.
  static boolean masks(JsonNode params) {
    return params.path("top_p").asDouble(1) < 1
        || params.has("structured_outputs")
        || params.has("bad_words")
        || params.has("logit_bias")
        || params.has("json_schema")
        || params.has("structural_tag")
        || params.has("regex");
  }

  /// What a mask leaves that forbids the most probable token.
  static double[] masked(double[] logprobs) {
    double[] left = logprobs.clone();
    left[best(logprobs)] = Double.NEGATIVE_INFINITY;
    return normal(left);
  }
}
