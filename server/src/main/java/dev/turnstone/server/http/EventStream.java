package dev.turnstone.server.http;

import com.fasterxml.jackson.databind.JsonNode;

/// Server-sent events to one reader. Used by one thread; writing blocks while the reader is slower
/// than the server.
public final class EventStream {
  private final Target target;

  public EventStream(Target target) {
    this.target = target;
  }

  /// Where frames go.
  @FunctionalInterface
  public interface Target {
    void write(String frame) throws InterruptedException, Gone;
  }

  /// The connection was closed, or its client does not read.
  public static final class Gone extends Exception {
    private static final long serialVersionUID = 1;

    Gone(String message) {
      super(message);
    }
  }

  public void data(JsonNode json) throws InterruptedException, Gone {
    frame("data: " + Wire.text(json) + "\n\n");
  }

  public void event(String name, JsonNode json) throws InterruptedException, Gone {
    frame("event: " + name + "\ndata: " + Wire.text(json) + "\n\n");
  }

  /// An event that a client can name, as `Last-Event-ID`, to get those after it.
  public void event(String name, long id, JsonNode json) throws InterruptedException, Gone {
    frame("event: " + name + "\ndata: " + Wire.text(json) + "\nid: " + id + "\n\n");
  }

  /// The end of a stream of chunks, as OpenAI clients wait for it.
  public void done() throws InterruptedException, Gone {
    frame("data: [DONE]\n\n");
  }

  /// A line that clients ignore; shows a dead connection.
  public void ping() throws InterruptedException, Gone {
    frame(": ping\n\n");
  }

  /// A whole frame as another stream wrote it.
  public void frame(String frame) throws InterruptedException, Gone {
    target.write(frame);
  }
}
