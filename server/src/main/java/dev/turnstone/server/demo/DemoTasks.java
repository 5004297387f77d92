package dev.turnstone.server.demo;

import dev.turnstone.trainerbridge.trainer.Arithmetic;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/// The demo's tasks: products of the 202,500 pairs of three-digit numbers that pretraining leaves
/// out, in an order that the seed decides. No pair comes twice, so every reward is earned on a task
/// that was never trained on before.
final class DemoTasks {
  private static final int MANY = Arithmetic.GREATEST - Arithmetic.LEAST + 1;

  private final int[] order;

  DemoTasks(long seed) {
    order =
        IntStream.range(0, MANY * MANY)
            .filter(pair -> Arithmetic.heldOut(a(pair), b(pair)))
            .toArray();
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = order.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int held = order[i];
      order[i] = order[j];
      order[j] = held;
    }
  }

  /// One multiplication.
  ///
  /// @param group name of the group that attempts it
  record Task(String group, int a, int b) {
    String question() {
      return "What is " + a + " * " + b + "?";
    }

    String answer() {
      return Integer.toString(a * b);
    }
  }

  int size() {
    return order.length;
  }

  /// Training tasks, from the front of the order.
  List<Task> training(int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> task("g-" + i, i)).toList();
  }

  /// Tasks that training never reaches, from the end of the order.
  List<Task> evaluation(int count) {
    return IntStream.range(0, count).mapToObj(i -> task("e-" + i, order.length - 1 - i)).toList();
  }

  private Task task(String group, int position) {
    return new Task(group, a(order[position]), b(order[position]));
  }

  private static int a(int pair) {
    return Arithmetic.LEAST + pair / MANY;
  }

  private static int b(int pair) {
    return Arithmetic.LEAST + pair % MANY;
  }
}
