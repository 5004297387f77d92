package dev.turnstone.server.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DemoTasksTest {
  @Test
  void aHundredThousandPairsAndMoreComeOnceEach() {
    DemoTasks tasks = new DemoTasks(1);
    Set<String> questions = new HashSet<>();

    tasks.training(0, tasks.size()).forEach(task -> questions.add(task.question()));

    assertThat(tasks.size()).isGreaterThan(100_000);
    assertThat(questions).hasSize(tasks.size());
  }

  @Test
  void evaluationNeverAsksWhatWasTrained() {
    DemoTasks tasks = new DemoTasks(1);
    Set<String> trained = new HashSet<>();
    tasks.training(0, 10_000).forEach(task -> trained.add(task.question()));

    assertThat(tasks.evaluation(64)).noneMatch(task -> trained.contains(task.question()));
  }

  @Test
  void theSeedDecidesTheOrder() {
    assertThat(new DemoTasks(1).training(0, 50)).isEqualTo(new DemoTasks(1).training(0, 50));
    assertThat(new DemoTasks(2).training(0, 50)).isNotEqualTo(new DemoTasks(1).training(0, 50));
  }

  @Test
  void aTaskKnowsItsAnswer() {
    assertThat(new DemoTasks.Task("g-0", 123, 456).question()).isEqualTo("What is 123 * 456?");
    assertThat(new DemoTasks.Task("g-0", 123, 456).answer()).isEqualTo("56088");
    assertThat(new DemoTasks(3).training(0, 1000))
        .allSatisfy(task -> {
          assertThat(task.a()).isBetween(100, 999);
          assertThat(task.b()).isBetween(100, 999);
        });
  }
}
