package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.server.http.Wire;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import okio.ByteString;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(30)
final class FeedTest {
  private static final String HELLO =
      "{\"type\":\"hello\",\"run\":\"r\",\"role\":\"train\",\"consumer\":\"test\"}";

  private TestServer server;

  @BeforeEach
  void start(@TempDir Path data) throws InterruptedException {
    server = TestServer.start(data, "{\"api_keys\": [{\"key\": \"k\", \"scope\": \"admin\"}]}");
    server.authorize("k");
    server.post(
        "/v1/environments", "{\"environment\":\"qa\",\"rewards\":[{\"kind\":\"exact_match\"}]}");
    server.post("/v1/runs", "{\"run\":\"r\",\"environment\":\"qa\",\"group_size\":2}");
  }

  @AfterEach
  void stop() {
    server.close();
  }

  /// One connection and what came over it.
  private static final class Peer extends WebSocketListener {
    final BlockingQueue<String> texts = new LinkedBlockingQueue<>();
    final BlockingQueue<ByteString> frames = new LinkedBlockingQueue<>();
    final BlockingQueue<Integer> ends = new LinkedBlockingQueue<>();

    JsonNode next(String type) throws InterruptedException {
      while (true) {
        String text = texts.poll(10, TimeUnit.SECONDS);
        assertThat(text).as("a %s", type).isNotNull();
        JsonNode message = Wire.read(TestServer.utf8(text));
        if (message.get("type").asText().equals(type)) return message;
      }
    }

    @Override
    public void onMessage(WebSocket socket, String text) {
      texts.add(text);
    }

    @Override
    public void onMessage(WebSocket socket, ByteString bytes) {
      frames.add(bytes);
    }

    @Override
    public void onClosing(WebSocket socket, int code, String reason) {
      ends.add(code);
      socket.close(1000, null);
    }

    @Override
    public void onFailure(WebSocket socket, Throwable failure, @Nullable Response response) {
      ends.add(response == null ? -1 : response.code());
    }
  }

  private WebSocket connect(Peer peer) {
    return TestServer.CLIENT.newWebSocket(upgrade("r").build(), peer);
  }

  private Request.Builder upgrade(String run) {
    return server.to("/v1/runs/" + run + "/feed").header("Sec-WebSocket-Protocol", "turnstone.v1");
  }

  @Test
  void helloIsWelcomedWithWhatATrainerMustShare() throws InterruptedException {
    Peer peer = new Peer();
    WebSocket socket = connect(peer);
    socket.send(HELLO);
    JsonNode welcome = peer.next("welcome");
    assertThat(welcome.get("epoch").asInt()).isEqualTo(1);
    assertThat(welcome.get("vocab_size").asInt()).isEqualTo(257);
    assertThat(welcome.get("lineage").asText()).isEqualTo("base");
    socket.cancel();
  }

  @Test
  void aNewerTrainerClosesTheOlderOne() throws InterruptedException {
    Peer older = new Peer();
    connect(older).send(HELLO);
    older.next("welcome");
    Peer newer = new Peer();
    WebSocket socket = connect(newer);
    socket.send(HELLO);
    assertThat(newer.next("welcome").get("epoch").asInt()).isEqualTo(2);
    assertThat(older.ends.poll(10, TimeUnit.SECONDS)).isEqualTo(4401);
    socket.cancel();
  }

  @Test
  void aGroupComesOnlyForCredit() throws InterruptedException {
    server.policy.says("1").says("2");
    server.post(
        "/v1/runs/r/groups",
        "{\"group\":\"g\",\"task\":{\"messages\":[{\"role\":\"user\",\"content\":\"?\"}],\"data\":{\"answer\":\"1\"}}}");
    Peer peer = new Peer();
    WebSocket socket = connect(peer);
    socket.send(HELLO);
    peer.next("welcome");
    assertThat(peer.frames).isEmpty();
    socket.send("{\"type\":\"credit\",\"groups\":1,\"bytes\":100000}");
    assertThat(peer.frames.poll(10, TimeUnit.SECONDS)).isNotNull();
    socket.cancel();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          not JSON                                  | 1002
          {"type":"nonsense"}                       | 1002
          {"type":"credit","groups":1,"bytes":1}    | 1002
          {"type":"hello","run":"other","role":"train","consumer":"c"} | 4400
          {"type":"hello","run":"r","role":"train","consumer":"c","resume":{"commit":9,"held":9}} | 4410
          """)
  void aMessageThatTheProtocolDoesNotAllowClosesTheFeed(String message, int code)
      throws InterruptedException {
    Peer peer = new Peer();
    connect(peer).send(message);
    assertThat(peer.ends.poll(10, TimeUnit.SECONDS)).isEqualTo(code);
  }

  @Test
  void aBinaryFrameFromTheTrainerClosesTheFeed() throws InterruptedException {
    Peer peer = new Peer();
    connect(peer).send(ByteString.of((byte) 1));
    assertThat(peer.ends.poll(10, TimeUnit.SECONDS)).isEqualTo(1002);
  }

  @Test
  void aServerThatStopsSaysSo() throws InterruptedException {
    Peer peer = new Peer();
    connect(peer).send(HELLO);
    peer.next("welcome");
    server.close();
    assertThat(peer.ends.poll(10, TimeUnit.SECONDS)).isEqualTo(1001);
  }

  @Test
  void theUpgradeIsCheckedLikeEveryRequest() throws InterruptedException {
    assertThat(status(upgrade("r").header("Authorization", "Bearer wrong"))).isEqualTo(401);
    assertThat(status(upgrade("r").header("Origin", "http://evil.example"))).isEqualTo(403);
    assertThat(status(upgrade("r").header("Host", "evil.example"))).isEqualTo(403);
    assertThat(status(upgrade("x"))).isEqualTo(404);
    assertThat(status(upgrade("r").header("Sec-WebSocket-Protocol", "other"))).isEqualTo(400);
    assertThat(TestServer.send(server.to("/v1/runs/r/feed").build()).status()).isEqualTo(426);
  }

  private static int status(Request.Builder upgrade) throws InterruptedException {
    Peer peer = new Peer();
    TestServer.CLIENT.newWebSocket(upgrade.build(), peer);
    return peer.ends.take();
  }
}
