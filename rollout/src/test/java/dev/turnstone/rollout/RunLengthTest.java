package dev.turnstone.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RunLengthTest {
  @Test
  void everyPositionHasTheValueThatWasAppendedThere() {
    Random random = new Random(1);
    RunLength.Builder<Integer> builder = new RunLength.Builder<>();
    List<Integer> plain = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      int count = random.nextInt(4);
      int value = random.nextInt(3);
      builder.add(count, value);
      for (int k = 0; k < count; k++) plain.add(value);
    }

    RunLength<Integer> runs = builder.build();

    assertThat(runs.length()).isEqualTo(plain.size());
    for (int i = 0; i < plain.size(); i++) assertThat(runs.get(i)).isEqualTo(plain.get(i));
  }

  @Test
  void equalNeighboursBecomeOneRunAlsoWhenSequencesAreJoined() {
    RunLength<String> joined =
        new RunLength.Builder<String>()
            .add(2, "a")
            .addAll(RunLength.of(3, "a"))
            .addAll(new RunLength.Builder<String>().add(1, "b").add(0, "c").add(1, "a").build())
            .build();

    assertThat(joined).isEqualTo(new RunLength<>(7, List.of(0, 5, 6), List.of("a", "b", "a")));
  }

  @Test
  void anEmptySequenceHasNoRuns() {
    assertThat(RunLength.of(0, 1)).isEqualTo(new RunLength<>(0, List.of(), List.of()));
  }

  @Test
  void aPositionOutsideIsRefused() {
    RunLength<Integer> runs = RunLength.of(2, 1);

    assertThatThrownBy(() -> runs.get(2)).hasMessage("position 2 of 2");
    assertThatThrownBy(() -> runs.get(-1)).hasMessage("position -1 of 2");
  }

  @ParameterizedTest
  @MethodSource
  void brokenRunsAreRefused(int length, List<Integer> starts, List<Integer> values, String why) {
    assertThatThrownBy(() -> new RunLength<>(length, starts, values)).hasMessage(why);
  }

  static List<Object[]> brokenRunsAreRefused() {
    return List.of(
        broken(3, List.of(0), List.of(1, 2), "starts and values differ in size: 1 and 2"),
        broken(0, List.of(0), List.of(1), "length 0 with 1 runs"),
        broken(3, List.of(), List.of(), "length 3 with 0 runs"),
        broken(3, List.of(1), List.of(1), "run starts out of order: [1]"),
        broken(3, List.of(0, 0), List.of(1, 2), "run starts out of order: [0, 0]"),
        broken(3, List.of(0, 3), List.of(1, 2), "run starts out of order: [0, 3]"),
        broken(3, List.of(0, 1), List.of(1, 1), "neighbouring runs are equal: [1, 1]"));
  }

  private static Object[] broken(
      int length, List<Integer> starts, List<Integer> values, String why) {
    return new Object[] {length, starts, values, why};
  }
}
