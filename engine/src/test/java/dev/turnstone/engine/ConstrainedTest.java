package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Scores;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.WeightsId;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Generation under constraints, by a random model whose ids are the printable characters (0 to
/// 94), a line break (95) and an end without text (96).
class ConstrainedTest {
  private static final int END = 96;
  private static final Constraint POINT =
      new Constraint.Schema(
          new Json(
              """
              {"type": "object", "additionalProperties": false, "required": ["x", "tags"],
               "properties": {"x": {"type": "integer", "minimum": -5, "maximum": 20},
                "tags": {"type": "array", "maxItems": 2, "items": {"enum": ["red", "blue"]}},
                "note": {"type": "string", "maxLength": 4}}}
              """));

  @TempDir Path folder;
  private Engine engine;

  @BeforeEach
  void load() throws ModelException {
    engine =
        Engine.load(
            RandomModel.write(folder, 1), new WeightsId("test", 0, "00"), EngineConfig.DEFAULT);
    byte[][] tokens = new byte[97][];
    for (int id = 0; id < 95; id++) tokens[id] = new byte[] {(byte) (' ' + id)};
    tokens[95] = new byte[] {'\n'};
    tokens[END] = new byte[0];
    engine.tokens(() -> tokens);
  }

  @AfterEach
  void everyBlockIsAccountedFor() throws InterruptedException {
    engine.checkIntegrity();
    engine.close();
  }

  private static Policy.Request request(Constraint constraint, Sampling sampling, int maxTokens) {
    return new Policy.Request(
            Tokens.of(1, 2, 3), sampling, maxTokens, Set.of(END), Duration.ofMinutes(1))
        .withConstraint(constraint);
  }

  private static String text(Generation generation) {
    byte[] bytes = new byte[generation.ids().size()];
    int length = 0;
    for (int i = 0; i < bytes.length; i++) {
      int id = generation.ids().get(i);
      if (id < END) bytes[length++] = (byte) (id == 95 ? '\n' : ' ' + id);
    }
    return new String(bytes, 0, length, StandardCharsets.UTF_8);
  }

  @Test
  void aRandomModelWritesWhatTheSchemaAsksFor() throws Exception {
    for (int seed = 0; seed < 20; seed++) {
      Generation generation = engine.generate(request(POINT, Sampling.FULL.withSeed(seed), 240));
      assertThat(generation.constrained()).isTrue();
      assertThat(generation.finish()).isEqualTo(FinishReason.STOP);
      assertThat(generation.ids().last()).isEqualTo(END);
      JsonNode value = new ObjectMapper().readTree(text(generation));
      assertThat(value.path("x").asInt(99)).isBetween(-5, 20);
      assertThat(value.path("tags").size()).isLessThanOrEqualTo(2);
      for (JsonNode tag : value.path("tags")) assertThat(tag.asText()).isIn("red", "blue");
    }
  }

  @Test
  void constrainedAndFreeRowsShareABatchAndDoNotChangeEachOther() throws Exception {
    var requests = new ArrayList<Policy.Request>();
    for (int seed = 0; seed < 12; seed++) {
      Policy.Request guided = request(POINT, Sampling.FULL.withSeed(seed), 60);
      requests.add(guided);
      requests.add(
          new Policy.Request(
              guided.prompt(), guided.sampling(), 60, Set.of(), Duration.ofMinutes(1)));
    }
    List<Tokens> alone = new ArrayList<>();
    for (Policy.Request request : requests) alone.add(engine.generate(request).ids());
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var calls = requests.stream().map(r -> threads.submit(() -> engine.generate(r))).toList();
      for (int i = 0; i < calls.size(); i++) {
        Future<Generation> call = calls.get(i);
        assertThat(call.get(60, TimeUnit.SECONDS).ids()).isEqualTo(alone.get(i));
      }
    }
  }

  @Test
  void recordedLogprobsAreThoseBeforeTheMask() throws Exception {
    Policy.Request request = request(POINT, Sampling.FULL.withSeed(3), 200);
    Generation guided = engine.generate(request);
    Generation sampled =
        engine.generate(
            request(POINT, Sampling.FULL.withSeed(3).withLogprobMode(LogprobMode.SAMPLED), 200));
    Generation scored =
        engine.generate(
            new Policy.Request(
                    request.prompt().plus(guided.ids()),
                    Sampling.FULL,
                    1,
                    Set.of(),
                    Duration.ofMinutes(1))
                .withScores(new Scores(0, OptionalInt.of(0))));

    assertThat(sampled.ids()).isEqualTo(guided.ids());
    for (int i = 0; i < guided.ids().size(); i++) {
      float free = scored.prompt().orElseThrow().logprobs().get(3 + i);
      assertThat(guided.logprobs().get(i)).isCloseTo(free, within(1e-4f));
      assertThat(sampled.logprobs().get(i)).isGreaterThanOrEqualTo(guided.logprobs().get(i));
    }
    assertThat(sampled.logprobs().get(sampled.ids().size() - 1)).isZero();
  }

  @Test
  void theBoundOnTokensCutsConstrainedText() throws Exception {
    Generation generation = engine.generate(request(POINT, Sampling.FULL.withSeed(1), 5));
    assertThat(generation.finish()).isEqualTo(FinishReason.LENGTH);
    assertThat(generation.ids().size()).isEqualTo(5);
  }

  @Test
  void aTextThatMustEndEndsWithoutAStopIdToo() throws Exception {
    Constraint yes = new Constraint.OneOf(List.of(new Constraint.Literal("yes"), noMore()));
    var request =
        new Policy.Request(
                Tokens.of(4), Sampling.GREEDY.withMinTokens(9), 30, Set.of(), Duration.ofMinutes(1))
            .withConstraint(yes);
    Generation generation = engine.generate(request);
    assertThat(generation.finish()).isEqualTo(FinishReason.STOP);
    assertThat(text(generation)).isIn("yes", "nomore", "nomoe");
    Generation stopped = engine.generate(request(yes, Sampling.FULL.withMinTokens(9), 30));
    assertThat(text(stopped)).isIn("yes", "nomore", "nomoe");
    assertThat(stopped.ids().last()).isEqualTo(END);
  }

  private static Constraint noMore() {
    return new Constraint.Concat(
        List.of(new Constraint.Literal("no"), new Constraint.Regex("mor?e")));
  }

  @Test
  void aConstraintThatCannotBeKeptIsRefusedBeforeAnythingRuns() {
    Constraint bad =
        new Constraint.Schema(new Json("{\"type\": \"array\", \"uniqueItems\": true}"));
    assertThatThrownBy(() -> engine.generate(request(bad, Sampling.FULL, 5)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("has uniqueItems");
    engine.tokens(() -> new byte[][] {{'a'}});
    assertThatThrownBy(() -> engine.check(request(POINT, Sampling.FULL, 5)))
        .hasMessageContaining("a token for every printable character");
  }
}
