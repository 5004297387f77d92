package dev.turnstone.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class InvariantsTest {
  /// A row of two prompt ids, three sampled ones, one observed, one sampled.
  static final class Draft {
    int[] ids = {1, 2, 3, 4, 5, 6, 7};
    BitSet mask = bits(2, 3, 4, 6);
    float[] logprobs = {0, 0, -1, -2, -3, 0, -4};
    int[] versions = {-1, -1, 4, 4, 5, -1, 5};
    int[] turns = {-1, -1, 0, 0, 0, -1, 1};
    int temperatures = 7;
    int promptLength = 2;

    Row row() {
      return new Row(
          0,
          Tokens.of(ids),
          mask,
          Logprobs.of(logprobs),
          runs(versions),
          runs(turns),
          RunLength.of(temperatures, 1f),
          "test",
          Optional.empty(),
          promptLength,
          List.of());
    }
  }

  @Test
  void aSoundRowHasNoViolation() {
    assertThat(Invariants.violation(new Draft().row())).isEmpty();
  }

  @ParameterizedTest(name = "{1}")
  @MethodSource
  void aBrokenRowIsNamed(Consumer<Draft> flaw, String why) {
    Draft draft = new Draft();
    flaw.accept(draft);

    assertThat(Invariants.violation(draft.row())).contains(why);
  }

  static List<Object[]> aBrokenRowIsNamed() {
    return List.of(
        flaw(d -> d.logprobs = new float[] {0}, "1 logprobs for 7 ids"),
        flaw(d -> d.versions = new int[] {-1}, "1 versions, 7 turns, 7 temperatures for 7 ids"),
        flaw(d -> d.turns = new int[] {-1}, "7 versions, 1 turns, 7 temperatures for 7 ids"),
        flaw(d -> d.temperatures = 8, "7 versions, 7 turns, 8 temperatures for 7 ids"),
        flaw(d -> d.mask.set(7), "mask reaches 8 of 7 ids"),
        flaw(d -> d.promptLength = 0, "prompt_length 0 of 7 ids"),
        flaw(d -> d.promptLength = 8, "prompt_length 8 of 7 ids"),
        flaw(d -> d.ids[3] = -5, "id -5 at 3"),
        flaw(d -> d.versions[5] = 5, "version 5 but turn -1 at 5"),
        flaw(d -> d.turns[5] = 0, "version -1 but turn 0 at 5"),
        flaw(d -> d.mask.set(5), "position 5 was not sampled but has mask or logprob"),
        flaw(d -> d.logprobs[1] = -1, "position 1 was not sampled but has mask or logprob"),
        flaw(d -> d.promptLength = 3, "position 2 of the prompt was sampled"),
        flaw(d -> d.logprobs[3] = Float.NaN, "logprob NaN at 3"),
        flaw(d -> d.logprobs[3] = Float.NEGATIVE_INFINITY, "logprob -Infinity at 3"),
        flaw(d -> d.logprobs[3] = 0.5f, "logprob 0.5 at 3"),
        flaw(d -> d.versions[6] = 4, "version 4 after version 5 at 6"),
        flaw(d -> d.turns = new int[] {-1, -1, 1, 1, 1, -1, 0}, "turn 0 after turn 1 at 6"));
  }

  @Test
  void aTrajectoryNamesTheRowThatIsBroken() {
    Draft draft = new Draft();
    draft.ids[0] = -1;

    assertThat(Invariants.violation(trajectory(StopReason.ANSWER, draft.row())))
        .contains("row 0: id -1 at 0");
  }

  @ParameterizedTest
  @EnumSource
  void onlyADroppedTrajectoryMayHaveNoRow(StopReason stop) {
    Optional<String> expected =
        stop.use() == StopReason.Use.DROP
            ? Optional.empty()
            : Optional.of("stop is " + stop.wire() + " but there is no row");

    assertThat(Invariants.violation(trajectory(stop))).isEqualTo(expected);
  }

  @ParameterizedTest
  @EnumSource(names = {"ANSWER", "DONE", "PARSE_ERROR", "TOOL_ERROR"})
  void aStopOfThePolicysDoingEndsOnATokenItSampled(StopReason stop) {
    Draft draft = new Draft();
    draft.mask.clear(6);
    draft.logprobs[6] = 0;
    draft.versions[6] = -1;
    draft.turns[6] = -1;

    assertThat(Invariants.violation(trajectory(stop, draft.row())))
        .contains("stop is " + stop.wire() + " but the last id was not sampled");
    assertThat(Invariants.violation(trajectory(StopReason.MAX_TURNS, draft.row()))).isEmpty();
  }

  @Test
  void aRowKeepsItsMaskToItself() {
    Row row = new Draft().row();

    row.mask().clear();

    assertThat(row.trainable()).isEqualTo(4);
    assertThat(row.masked().trainable()).isZero();
  }

  private static Trajectory trajectory(StopReason stop, Row... rows) {
    return new Trajectory(
        new RolloutId("run", "g", 0, 0),
        List.of(rows),
        Optional.empty(),
        stop,
        "",
        List.of(),
        Trajectory.Stats.NONE);
  }

  private static Object[] flaw(Consumer<Draft> flaw, String why) {
    return new Object[] {flaw, why};
  }

  private static RunLength<Integer> runs(int... values) {
    RunLength.Builder<Integer> builder = new RunLength.Builder<>();
    for (int value : values) builder.add(1, value);
    return builder.build();
  }

  private static BitSet bits(int... positions) {
    BitSet bits = new BitSet();
    for (int position : positions) bits.set(position);
    return bits;
  }
}
