package dev.turnstone.envadapters.peer;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import okhttp3.MediaType;
import okhttp3.RequestBody;
import okio.BufferedSink;

/// A JSON request body that OkHttp never sends again on its own: whether a call may be repeated is
/// ours to say.
public final class JsonBody extends RequestBody {
  private static final MediaType TYPE = MediaType.get("application/json");

  private final byte[] bytes;

  public JsonBody(String json) {
    this.bytes = json.getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public MediaType contentType() {
    return TYPE;
  }

  @Override
  public long contentLength() {
    return bytes.length;
  }

  @Override
  public boolean isOneShot() {
    return true;
  }

  @Override
  public void writeTo(BufferedSink sink) throws IOException {
    sink.write(bytes);
  }
}
