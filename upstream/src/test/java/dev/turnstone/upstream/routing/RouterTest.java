package dev.turnstone.upstream.routing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.Tokens;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(20)
class RouterTest {
  private static Router router(Routing routing, int engines, double limit) {
    Router router = new Router(routing);
    for (int i = 0; i < engines; i++) router.up(router.add("engine-" + i, limit), true);
    return router;
  }

  private static Turn turn(String conversation, int first) {
    int[] ids = IntStream.range(0, 100).map(i -> i == 0 ? first : i).toArray();
    return new Turn(Optional.of(conversation), Tokens.of(ids));
  }

  private static Node take(Router router, Turn turn) throws InterruptedException {
    return router.take(turn, Duration.ZERO).orElseThrow();
  }

  private static Node play(Router router, Turn turn) throws InterruptedException {
    Node node = take(router, turn);
    router.done(turn, node, 120);
    return node;
  }

  @Test
  void aConversationStaysAndNewOnesSpread() throws Exception {
    Router router = router(Routing.STICKY_LEAST_LOADED, 4, 100);
    Map<String, Integer> where = new HashMap<>();
    for (int i = 0; i < 40; i++)
      where.merge(play(router, turn("c" + i, i)).name(), 1, Integer::sum);

    assertThat(where.values()).containsOnly(10);
    for (int i = 0; i < 40; i++)
      assertThat(play(router, turn("c" + i, i))).isSameAs(play(router, turn("c" + i, i)));
  }

  @Test
  void aGroupsRolloutsShareAnEngineAsFarAsLoadAllows() throws Exception {
    Router router = router(Routing.STICKY_LEAST_LOADED, 8, 100);
    for (int i = 0; i < 80; i++) play(router, turn("other" + i, 1000 + i));

    assertThat(take(router, turn("group0", 5))).isSameAs(take(router, turn("group1", 5)));
  }

  @Test
  void theEndOfAConversationFreesItsPlace() throws Exception {
    Router router = router(Routing.STICKY_LEAST_LOADED, 2, 100);
    Node first = play(router, turn("a", 1));
    assertThat(play(router, turn("b", 2))).isNotSameAs(first);

    router.forget("a");

    assertThat(router.load(first).conversations()).isZero();
    assertThat(router.load(first).tokens()).isZero();
    assertThat(take(router, turn("c", 3))).isSameAs(first);
  }

  @Test
  void aConversationLeavesAnEngineThatGoesDown() throws Exception {
    Router router = router(Routing.STICKY_LEAST_LOADED, 2, 100);
    Node first = play(router, turn("a", 1));
    router.up(first, false);

    assertThat(take(router, turn("a", 1))).isNotSameAs(first);
    assertThat(router.load(first).conversations()).isZero();
  }

  @Test
  void thoseWhoBeganFirstAreServedFirst() throws Exception {
    Router router = router(Routing.STICKY_LEAST_LOADED, 1, 1);
    play(router, turn("old", 1));
    Node held = take(router, turn("holder", 2));
    BlockingQueue<String> served = new LinkedBlockingQueue<>();
    CountDownLatch never = new CountDownLatch(1);
    List<Thread> threads = new ArrayList<>();
    for (String name : List.of("young", "old")) {
      int waiting = router.waiting();
      threads.add(
          Thread.ofVirtual()
              .start(() -> {
                try {
                  Node got = router.take(turn(name, 3), Duration.ofSeconds(10)).orElseThrow();
                  served.add(name);
                  router.done(turn(name, 3), got, 100);
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              }));
      while (router.waiting() == waiting)
        assertThat(never.await(1, TimeUnit.MILLISECONDS)).isFalse();
    }

    router.done(turn("holder", 2), held, 100);

    assertThat(served.poll(5, TimeUnit.SECONDS)).isEqualTo("old");
    assertThat(served.poll(5, TimeUnit.SECONDS)).isEqualTo("young");
    for (Thread thread : threads) thread.join();
  }

  @ParameterizedTest
  @EnumSource(Routing.class)
  void nobodyIsSentBeyondALimitOrToAnEngineThatIsDown(Routing routing) throws Exception {
    Router router = router(routing, 1, 2);
    Node down = router.add("down", 10);

    List<Optional<Node>> taken = new ArrayList<>();
    for (int i = 0; i < 3; i++) taken.add(router.take(turn("c" + i, i), Duration.ofMillis(1)));

    assertThat(taken.get(2)).isEmpty();
    assertThat(taken.subList(0, 2)).allMatch(Optional::isPresent);
    assertThat(taken).doesNotContain(Optional.of(down));
  }

  @Test
  void consistentHashDependsOnTheNameAloneAndRoundRobinOnNothing() throws Exception {
    Router hash = router(Routing.CONSISTENT_HASH, 8, 100);
    Node node = take(hash, turn("a", 1));
    for (int i = 0; i < 5; i++) assertThat(take(hash, turn("a", i))).isSameAs(node);

    Router robin = router(Routing.ROUND_ROBIN, 3, 100);
    List<String> names = new ArrayList<>();
    for (int i = 0; i < 4; i++) names.add(take(robin, turn("a", 1)).name());
    assertThat(names).containsExactly("engine-0", "engine-1", "engine-2", "engine-0");
  }

  @ParameterizedTest
  @EnumSource(Routing.class)
  void anEngineThatIsRemovedTakesNothingAndItsPlaceIsTakenByTheNext(Routing routing)
      throws Exception {
    Router router = router(routing, 2, 100);
    Turn first = turn("a", 1);
    Node gone = take(router, first);
    router.remove(gone);
    router.done(first, gone, 120);

    for (int i = 0; i < 20; i++) assertThat(play(router, turn("b" + i, i))).isNotSameAs(gone);

    Node next = router.add("next", 100);
    router.up(next, true);
    assertThat(next.index).isEqualTo(gone.index);
    assertThat(IntStream.range(0, 20).mapToObj(i -> "c" + i))
        .anyMatch(name -> playsOn(router, turn(name, name.hashCode()), next));
  }

  private static boolean playsOn(Router router, Turn turn, Node node) {
    try {
      return play(router, turn) == node;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
