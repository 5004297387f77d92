package dev.turnstone.trainerbridge.runs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.trainerbridge.json.JsonText;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RunEventsTest {
  private final RunEvents events = new RunEvents();

  private List<RunEvent> known() throws InterruptedException {
    List<RunEvent> known = new ArrayList<>();
    try (RunEvents.Watch watch = events.watch(0)) {
      for (Optional<RunEvent> event = watch.next(Duration.ZERO);
          event.isPresent();
          event = watch.next(Duration.ZERO)) known.add(event.get());
    }
    return known;
  }

  @Test
  void ofARunThatEndedLongAgoTheNewestFewStay() throws Exception {
    for (int i = 0; i < 100; i++) events.tell(new RunEvent.TrainerStats(JsonText.object()));
    assertThat(events.ended()).isZero();
    events.tell(new RunEvent.Ended(7));
    assertThat(events.ended()).isPositive();

    events.trim();

    assertThat(known()).hasSize(64).last().isEqualTo(new RunEvent.Ended(7));
  }

  @Test
  void theNewestStay() throws Exception {
    for (int i = 0; i < 5000; i++) events.tell(new RunEvent.Ended(i));

    assertThat(known()).hasSize(4096).last().isEqualTo(new RunEvent.Ended(4999));
  }

  @Test
  void longFiguresOfATrainerPushOlderOnesOut() throws Exception {
    String text = "x".repeat(1 << 16);
    for (int i = 0; i < 300; i++)
      events.tell(new RunEvent.TrainerStats(JsonText.object().put("step", i).put("note", text)));

    assertThat(known())
        .hasSizeBetween(100, 128)
        .last()
        .satisfies(event -> assertThat(event.toJson().path("step").asInt()).isEqualTo(299));
  }
}
