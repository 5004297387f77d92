package dev.turnstone.server.sessions;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.server.Bytes;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route.Endpoint;
import dev.turnstone.server.http.Wire;
import io.vertx.core.MultiMap;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
final class SharedCallTest {
  private static final Duration HOUR = Duration.ofHours(1);

  private final Sessions sessions =
      new Sessions(new Bytes(), over -> {}, new SessionTimes(HOUR, HOUR, 1), System::nanoTime);

  @AfterEach
  void close() {
    sessions.close();
  }

  private SharedCall started(Endpoint endpoint) {
    Session session = sessions.open(new SessionRules(Optional.empty(), Optional.empty(), HOUR));
    SharedCall shared =
        new SharedCall(Optional.empty(), "", new SessionRecorder(session), System::nanoTime);
    shared.join();
    MultiMap none = MultiMap.caseInsensitiveMultiMap();
    shared.start(
        "test",
        endpoint,
        new Call(Map.of(), none, none, Wire.JSON.missingNode(), ByteBuffer.allocate(0)));
    return shared;
  }

  @Test
  void aStreamThatAnErrorEndsDoesNotLookWhole() throws Exception {
    SharedCall shared =
        started(call ->
            new Reply.Events(out -> {
              out.frame("data: 1\n\n");
              throw new StackOverflowError();
            }));
    Reply.Events events = (Reply.Events) shared.read();
    List<String> frames = new ArrayList<>();
    assertThatThrownBy(() -> events.body().write(new EventStream(frames::add)))
        .hasRootCauseInstanceOf(StackOverflowError.class);
    assertThat(frames).containsExactly("data: 1\n\n");
  }

  @Test
  void workThatIsCancelledIsACallThatWasAborted() {
    SharedCall shared =
        started(call -> {
          throw new CancellationException("nobody waits for the text any more");
        });
    assertThatThrownBy(shared::read)
        .isInstanceOf(Refused.class)
        .hasMessageContaining("the call was aborted");
  }
}
