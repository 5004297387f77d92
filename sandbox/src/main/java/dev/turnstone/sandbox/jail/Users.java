package dev.turnstone.sandbox.jail;

import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.IntStream;

/// The user ids of programs that share a process table: each is one program's alone until all that
/// it started is dead.
final class Users {
  private final LinkedBlockingQueue<Integer> free = new LinkedBlockingQueue<>();

  Users(int first, int count) {
    IntStream.range(first, first + count).forEach(free::add);
  }

  /// The one that has been free for longest.
  ///
  /// @throws JailLost all are taken
  int take() throws JailLost {
    Integer user = free.poll();
    if (user == null) throw new JailLost("every user that programs may have is taken");
    return user;
  }

  void giveBack(int user) {
    free.add(user);
  }
}
