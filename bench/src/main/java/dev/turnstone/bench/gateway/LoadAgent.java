package dev.turnstone.bench.gateway;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/// An agent with its history, which it sends whole with every turn, as clients do. Used by one
/// thread at a time.
final class LoadAgent {
  private static final byte[] CONTENT = ascii("\"content\":");
  private static final byte[] TOKEN_IDS = ascii("\"token_ids\":");
  private static final byte[] LOGPROBS = ascii("\"logprobs\":");

  private static final byte[] NONE = {};

  private final LoadPlan plan;
  private final Door door;
  private final byte[] tail;
  private Door.Place place;
  private ByteArrayOutputStream history = new ByteArrayOutputStream();
  private byte[] answer = NONE;
  private int turn;
  private int last;

  /// @param last number of turns of its first session
  LoadAgent(LoadPlan plan, Door door, int last) throws IOException {
    this.last = last;
    this.plan = plan;
    this.door = door;
    place = door.open();
    tail =
        ascii(
            ("],\"model\":\"%s\",\"temperature\":1.0,\"logprobs\":true,\"return_token_ids\":true,"
                    + "\"max_tokens\":%d}")
                .formatted(plan.model(), plan.maxTokens()));
    begin();
  }

  private void begin() {
    history = new ByteArrayOutputStream(1 << 12);
    turn = 0;
    history.writeBytes(ascii("{\"messages\":[{\"role\":\"user\",\"content\":\""));
    history.writeBytes(ascii(plan.first()));
    history.writeBytes(ascii("\"}"));
  }

  /// Where its session's turns go.
  Door.Place place() {
    return place;
  }

  /// One turn: the chat call and nothing else.
  void turn(PlainHttp http) throws IOException {
    byte[] body = body();
    http.key(place.key());
    answer = checked(http.post(place.path(), body, body.length));
  }

  /// Hears what the turn brought; after the last of a session, the session is finished and the next
  /// is opened.
  void goOn() throws IOException {
    if (++turn == last) {
      door.finish(place);
      place = door.open();
      last = plan.turns();
      begin();
    } else {
      hear(answer);
    }
    answer = NONE;
  }

  private byte[] body() {
    byte[] body = new byte[history.size() + tail.length];
    byte[] said = history.toByteArray();
    System.arraycopy(said, 0, body, 0, said.length);
    System.arraycopy(tail, 0, body, said.length, tail.length);
    return body;
  }

  private byte[] checked(PlainHttp.Answer answer) throws IOException {
    byte[] body = answer.body();
    if (answer.status() != 200) throw new IOException(answer.status() + ": " + answer.text());
    // rllm-model-gateway keeps the ids to itself.
    boolean ids = plan.gateway().equals("rllm") || find(body, TOKEN_IDS, 0) >= 0;
    if (!ids || find(body, LOGPROBS, 0) < 0)
      throw new IOException("answered without ids or log-probabilities: " + answer.text());
    return body;
  }

  /// Takes over what the assistant said, as it stands in the answer's JSON.
  private void hear(byte[] answer) throws IOException {
    int from = content(answer);
    int to = from + 1;
    while (answer[to] != '"') to += answer[to] == '\\' ? 2 : 1;
    history.writeBytes(ascii(",{\"role\":\"assistant\",\"content\":"));
    history.write(answer, from, to + 1 - from);
    history.writeBytes(ascii("},{\"role\":\"user\",\"content\":\""));
    history.writeBytes(ascii(plan.next().get(turn % plan.next().size())));
    history.writeBytes(ascii("\"}"));
  }

  /// Where the text of the message begins; a list of that name has log-probabilities.
  private static int content(byte[] answer) throws IOException {
    for (int at = find(answer, CONTENT, 0); at >= 0; at = find(answer, CONTENT, at + 1)) {
      int from = at + CONTENT.length;
      while (answer[from] == ' ') from++;
      if (answer[from] == '"') return from;
    }
    throw new IOException("answered without content");
  }

  private static int find(byte[] text, byte[] word, int from) {
    outer:
    for (int i = from; i <= text.length - word.length; i++) {
      for (int k = 0; k < word.length; k++) if (text[i + k] != word[k]) continue outer;
      return i;
    }
    return -1;
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
